"""A real nginx that runs the server block of docs/embedding.md."""

from __future__ import annotations

import contextlib
import re
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.commands.conftest import Running, free_port
from tickets.clock import SystemClock

PAGE = Path(__file__).parents[3] / "docs" / "embedding.md"

HOST = "www.example.com"

UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Accepts the certificate of these tests, which nobody has signed."""
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE

_AROUND = """daemon off;
error_log stderr notice;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {block}
}}
"""


def documented_block() -> str:
    """Return the block between the two markers of the page."""
    found = re.search(
        r"<!-- nginx:begin -->\n```nginx\n(.*?)```\n<!-- nginx:end -->", PAGE.read_text(), re.DOTALL
    )
    assert found, f"{PAGE} has no nginx block between its markers"
    return found[1]


def program() -> str:
    """Return nginx's path; fail where it is not installed."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail("These tests need nginx: apt-get install nginx-light", pytrace=False)
    return found


@contextlib.contextmanager
def running(*upstreams: str) -> Iterator[str]:
    """Run the block in front of these services, `host:port`; yield the port that it listens on."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="tickets-nginx-"))
    _write_certificate(folder)
    changes = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/tls/": f"{folder}/",
        "server 127.0.0.1:8000;": " ".join(f"server {address};" for address in upstreams),
    }
    block = documented_block()
    for documented, changed in changes.items():
        assert documented in block
        block = block.replace(documented, changed)
    configuration = folder / "nginx.conf"
    configuration.write_text(_AROUND.format(folder=folder, block=block))
    folder.chmod(0o755)
    process = subprocess.Popen(
        [program(), "-e", "stderr", "-p", str(folder), "-c", str(configuration)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    nginx = Running(process)
    try:
        nginx.wait_for("start worker process")
        yield str(port)
    finally:
        nginx.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = SystemClock().now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{HOST}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{HOST}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
