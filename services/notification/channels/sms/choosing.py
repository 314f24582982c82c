"""From settings to providers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from services.notification.channels import SmsProvider
from services.notification.channels.sms.asking import gateway_address
from services.notification.channels.sms.configuration import (
    AppriseGateway,
    FileGateway,
    Gateway,
    HttpGateway,
    Receipts,
    SevenGateway,
    WrongSms,
    simple_gateway,
)
from services.notification.channels.sms.file import FileProvider
from services.notification.channels.sms.http import HttpProvider
from services.notification.channels.sms.receipts import ReceiptReader, SevenReceipts, SignedReceipts
from services.notification.channels.sms.seven import SevenProvider

Secrets = Mapping[str, Mapping[str, SecretStr]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A provider with its share of the messages, beside the others' weights, and its limits."""

    provider: SmsProvider
    weight: int
    per_second: int | None = None
    per_hour: int | None = None


def choose(gateways: Sequence[Gateway], *, secrets: Secrets, timeout: timedelta) -> list[Chosen]:
    """`secrets` by the provider's name; `timeout` is for one message. Raises WrongSms where one is missing."""
    for gateway in gateways:
        if missing := gateway.secrets - secrets.get(gateway.name, {}).keys():
            raise WrongSms(f"{gateway.name} needs the secrets {', '.join(sorted(missing))}")
    return [_chosen(one, _made(one, secrets.get(one.name, {}), timeout)) for one in gateways]


def _chosen(gateway: Gateway, provider: SmsProvider) -> Chosen:
    return Chosen(provider, gateway.weight, per_second=gateway.per_second, per_hour=gateway.per_hour)


def receipt_readers(
    gateways: Sequence[Gateway], *, secrets: Secrets, address: str | None
) -> dict[str, ReceiptReader]:
    """By the provider's name, of those that send receipts; `address` is where they come in, without the name.

    Raises WrongSms where it is missing and part of what is signed.
    """
    readers: dict[str, ReceiptReader] = {}
    for gateway in gateways:
        secret = secrets.get(gateway.name, {}).get("receipts")
        if secret is None:
            continue
        match gateway:
            case HttpGateway(name=name, receipts=Receipts() as how):
                readers[name] = SignedReceipts(name=name, how=how, secret=secret)
            case SevenGateway(name=name):
                if address is None:
                    raise WrongSms(f"receipts of {name} need NOTIFICATION_PUBLIC_URL")
                readers[name] = SevenReceipts(name=name, url=f"{address}/{name}", secret=secret)
    return readers


def _made(gateway: Gateway, secrets: Mapping[str, SecretStr], timeout: timedelta) -> SmsProvider:
    match gateway:
        case HttpGateway():
            return HttpProvider(gateway, secrets=secrets, timeout=timeout)
        case SevenGateway(name=name, url=url, sender=sender):
            return SevenProvider(name=name, url=url, key=secrets["key"], sender=sender, timeout=timeout)
        case FileGateway(name=name, path=path):
            return FileProvider(path, name=name)
        case AppriseGateway(name=name):
            return _apprise(name, secrets["url"])


def _apprise(name: str, url: SecretStr) -> SmsProvider:
    from services.notification.channels.sms.through_apprise import AppriseProvider

    try:
        return AppriseProvider(name=name, url=url)
    except ValueError as error:
        raise WrongSms(f"{name}: {error}") from error


def gateways_of(setting: str, *, with_token: bool) -> tuple[Gateway, ...]:
    """What NOTIFICATION_SMS names: `none`, `file:<path>`, or the address of a gateway.

    Raises ValueError for anything else.
    """
    kind, _, value = setting.partition(":")
    if kind == "none":
        return ()
    if kind == "file" and value:
        return (FileGateway(kind="file", path=Path(value)),)
    if kind in ("http", "https"):
        return (simple_gateway(_address(setting), with_token=with_token),)
    raise ValueError(f"NOTIFICATION_SMS is {kind!r}; it can be 'none', 'file:<path>' or 'https://…'")


def _address(setting: str) -> str:
    try:
        gateway_address(setting, secret="NOTIFICATION_SMS_TOKEN")  # noqa: S106 - says where the token belongs
    except ValueError as error:
        raise ValueError(f"NOTIFICATION_SMS {error}") from error
    return setting
