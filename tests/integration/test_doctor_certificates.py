"""Certificates as a client of the servers sees them: good for long, for days, over, or nobody's."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from shared.doctor import certificates
from shared.doctor.findings import Level


@contextmanager
def a_server(folder: Path, *, days: int, name: str = "IP:127.0.0.1") -> Iterator[tuple[int, Path]]:
    """Takes TLS connections with a certificate that is good for so long; gives its port and its authority."""
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes the test's certificate, is not installed")
    file, key = folder / "server.pem", folder / "key.pem"
    subject = ("-subj", "/CN=server", "-addext", f"subjectAltName={name}", "-days", str(days))
    made = ("-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", file)
    subprocess.run(["openssl", "req", "-x509", *made, *subject], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, context))
        thread.start()
        yield listener.getsockname()[1], file
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as sealed:
            sealed.recv(1)


@pytest.mark.parametrize(
    ("days", "level"), [(90, Level.OK), (21, Level.WARNING), (10, Level.WARNING), (3, Level.CRITICAL)]
)
def test_days_that_are_left_decide(tmp_path: Path, days: int, level: Level) -> None:
    with a_server(tmp_path, days=days) as (port, ca):
        found = certificates.of_tls("https", "127.0.0.1", port, ca=ca)

    assert found.level is level
    assert f"good for {days - 1} days" in found.said
    assert bool(found.do) == (level is not Level.OK)


def test_where_a_name_leads_elsewhere_its_certificate_is_looked_at_where_the_proxy_is(tmp_path: Path) -> None:
    with a_server(tmp_path, days=90, name="DNS:termine.example") as (port, ca):
        at = ("127.0.0.1", port)
        found = certificates.of_tls("https", "termine.example", 443, ca=ca, at=at)
        other = certificates.of_tls("https", "andere.example", 443, ca=ca, at=at)
    away = certificates.of_tls("https", "termine.example", 443, ca=ca, at=at)

    assert (found.level, other.level, away.level) == (Level.OK, Level.CRITICAL, Level.CRITICAL)
    assert found.said == f"the certificate of termine.example:443 at 127.0.0.1:{port} is good for 89 days"
    assert "'andere.example'" in other.said
    assert f"termine.example:443 at 127.0.0.1:{port}" in away.said


def test_a_certificate_that_nobody_vouches_for_is_named(tmp_path: Path) -> None:
    with a_server(tmp_path, days=90) as (port, _):
        found = certificates.of_tls("https", "127.0.0.1", port)

    assert found.level is Level.CRITICAL
    assert "self-signed" in found.said


def test_addresses_say_whether_and_with_which_authority(tmp_path: Path) -> None:
    with a_server(tmp_path, days=90) as (port, ca):
        amqp = certificates.of_uri("rabbitmq_tls", f"amqps://admin:s%40@127.0.0.1:{port}/amtstermin?cafile={ca}")
        mongodb = certificates.of_uri(
            "mongodb_tls", f"mongodb://admin:secret@127.0.0.1:{port},other:27017/?tls=true&tlsCAFile={ca}"
        )
    away = certificates.of_uri("rabbitmq_tls", f"amqps://admin:secret@127.0.0.1:{port}/amtstermin")
    plain = certificates.of_uri("mongodb_tls", "mongodb://admin:secret@127.0.0.1:27017/?replicaSet=amtstermin")

    assert [found.level for found in (amqp, mongodb, away, plain)] == [
        Level.OK,
        Level.OK,
        Level.CRITICAL,
        Level.OK,
    ]
    assert "good for 89 days" in mongodb.said
    assert "secret" not in away.said
