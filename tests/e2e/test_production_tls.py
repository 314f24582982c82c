"""TLS to MongoDB and RabbitMQ as an installation has it: own authority, real servers, a whole booking."""

import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import bson
import pytest

from deploy.local.process import ROOT
from deploy.local.stack import Stack
from tests.citizen import Citizen

SERVICES = ("booking", "notification")


def authority(folder: Path) -> Path:
    """A folder with an authority and the servers' certificates, as the guide makes it."""
    command = [ROOT / "deploy" / "production" / "certificates.sh", folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority(tmp_path_factory.mktemp("stranger")) / "ca.pem"


@pytest.fixture(scope="module")
def secured(tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {"BOOKING_LIMITS": "off", "NOTIFICATION_REMINDERS": "off"}
    folder = tmp_path_factory.mktemp("secured")
    with Stack(folder=folder, services=SERVICES, environment=environment, tls=tls) as stack:
        yield stack


def test_a_booking_with_its_mails_goes_over_tls_alone(secured: Stack) -> None:
    citizen = Citizen(secured)
    with citizen.http:
        assert citizen.book()["status"] == "confirmed"
        citizen.mails(at_least=2)

    listed = secured.rabbitmq.ctl("list_connections", "-q", "user", "ssl", "ssl_protocol")
    connections = [line.split("\t") for line in listed.splitlines()[1:]]
    assert {user for user, _, _ in connections} == {*SERVICES}
    assert {(ssl, protocol) for _, ssl, protocol in connections} <= {("true", "tlsv1.3"), ("true", "tlsv1.2")}


def test_whoever_speaks_plainly_is_not_heard(secured: Stack) -> None:
    hello = b"\x00" * 5 + bson.encode({"hello": 1, "$db": "admin"})
    message = struct.pack("<iiii", 16 + len(hello), 1, 0, 2013) + hello
    assert answer_to(message, port=secured.mongod.port) == b""
    assert not answer_to(b"AMQP\x00\x00\x09\x01", port=secured.rabbitmq.port).startswith(b"\x01")


def test_a_server_of_another_authority_is_not_trusted(secured: Stack, tls: Path, stranger: Path) -> None:
    """The right address and password, and a certificate that somebody else has signed."""
    for reach, name in ((_TO_RABBITMQ, "booking_amqp_url"), (_TO_MONGODB, "booking_mongodb_uri")):
        address = secured.secret(name)
        known = quote(str(tls / "ca.pem"), safe="" if reach is _TO_MONGODB else "/")
        assert known in address
        assert complaint(reach, address) == ""
        told = complaint(reach, address.replace(known, quote(str(stranger), safe="")))
        assert "certificate verify failed" in told, told


def test_certificates_hold_for_the_strictest_reader_and_renew_without_a_new_authority(tmp_path: Path) -> None:
    """Python 3.13 reads certificates strictly; the images run it."""
    folder = authority(tmp_path / "tls")
    known, before = (folder / "ca.pem").read_bytes(), (folder / "rabbitmq.pem").read_bytes()
    authority(folder)
    assert (folder / "ca.pem").read_bytes() == known
    assert (folder / "rabbitmq.pem").read_bytes() != before
    for server in ("mongodb", "rabbitmq"):
        strict = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", server]
        subprocess.run([*strict, "-CAfile", folder / "ca.pem", folder / f"{server}.pem"], check=True)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600
    ssl.create_default_context(cafile=str(folder / "ca.pem"))


_TO_RABBITMQ = "import asyncio, aio_pika, sys; asyncio.run(aio_pika.connect(sys.argv[1], timeout=10))"
_TO_MONGODB = (
    "import sys; from pymongo import MongoClient;"
    "MongoClient(sys.argv[1], serverSelectionTimeoutMS=2000).admin.command('ping')"
)


def complaint(program: str, address: str) -> str:
    """Of a process of its own: a handshake that fails leaves its socket to the garbage collector."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, address], capture_output=True, text=True, check=False
    )
    return done.stderr if done.returncode else ""


def answer_to(message: bytes, *, port: int) -> bytes:
    """Nothing where the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(message)
        try:
            return plain.recv(64)
        except ConnectionResetError:
            return b""
