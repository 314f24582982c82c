import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from deploy.local.ports import Ports
from deploy.local.stack import Stack
from services.notification.settings import Settings
from shared.mongo import Client, connect
from tests.integration.notification.harness import Notification, Notifications
from tests.integration.notification.mailbox import Mailbox
from tests.prove.gateway import SmsGateway
from tests.unit.notification.builders import SENDER


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged; its default for a terminal takes seconds for a traceback."""
    with capture_logs() as captured:
        yield captured


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        yield server


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[SmsGateway]:
    server = SmsGateway(port=Ports(file=tmp_path / "ports.json").of("gateway"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(servers: Stack) -> Settings:
    """A database of its own for each test, so nothing needs to be cleaned up before it."""
    return Settings(
        mongodb_uri=SecretStr(servers.secret("admin_mongodb_uri")),
        mongodb_database=(name := f"notification_{uuid4().hex[:8]}"),
        keys_database=f"{name}_keys",
        contact_private_keys=SecretStr(servers.secret("notification_contact_private_keys")),
        amqp_url=SecretStr(servers.secret("notification_amqp_url")),
        smtp_host="127.0.0.1",
        smtp_tls="none",
        sender=SENDER,
    )


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    client = connect(settings)
    yield client
    for name in (settings.mongodb_database, settings.keys_database):
        await client.drop_database(name)
    client.close()


@pytest.fixture
async def notifications(client: Client, settings: Settings, mailbox: Mailbox) -> AsyncIterator[Notifications]:
    """Any number of processes of the service on one database, without HTTP and RabbitMQ around them."""
    database, keys = client[settings.mongodb_database], client[settings.keys_database]
    everywhere = Notifications(client=client, database=database, keys=keys, mailbox=mailbox)
    yield everywhere
    await everywhere.stop()


@pytest.fixture
async def notification(notifications: Notifications) -> Notification:
    """One process, running, that knows the office."""
    return await notifications.start()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes the test's certificate, is not installed")
    file = tmp_path / "server.pem"
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")
    key = ("-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key.pem", "-out", file)
    subprocess.run(["openssl", "req", "-x509", *key, *subject], check=True, capture_output=True)
    return file


@pytest.fixture
def starttls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.parent / "key.pem")
    return context
