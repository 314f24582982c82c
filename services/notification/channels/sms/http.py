"""Any gateway that speaks HTTP, by its configuration."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from services.notification.channels import PermanentFailure, Taken, TemporaryFailure, Unavailable
from services.notification.channels.sms.answers import failure_of
from services.notification.channels.sms.asking import ask, client_for, retry_after
from services.notification.channels.sms.configuration import Answer, HttpGateway
from services.notification.channels.sms.templates import filled, found
from services.notification.channels.sms.texts import fit


class HttpProvider:
    """One request for each message.

    After a timeout, a lost connection or an answer that cannot be read nobody here knows whether the gateway has
    taken the message, and the next attempt repeats it under the same reference.
    """

    def __init__(self, gateway: HttpGateway, *, secrets: Mapping[str, SecretStr], timeout: timedelta) -> None:
        self.name = gateway.name
        self._gateway = gateway
        self._url = httpx.URL(gateway.url)
        self._secrets = {f"secret:{name}": value.get_secret_value() for name, value in secrets.items()}
        self._reads = bool(gateway.message_id) or any(answer.field for answer in gateway.answers)
        self._client = client_for(self._url, timeout=timeout)

    async def send(self, *, to: str, text: str, reference: str) -> Taken:
        own = {"to": to, "to_digits": to.removeprefix("+"), "text": text, "reference": reference}
        values = {**self._secrets, **own, "encoding": fit(text).encoding}
        gateway = self._gateway
        form = {"data": filled(gateway.form, values)} if gateway.form else {}
        content = form or {"json": filled(gateway.json_body, values)}
        headers = filled(gateway.headers, values)
        return self._read(await ask(self._client, gateway.method, self._url, headers=headers, **content))

    async def close(self) -> None:
        await self._client.aclose()

    def _read(self, answer: httpx.Response) -> Taken:
        content = _json(answer) if self._reads else None
        row = next((row for row in self._gateway.answers if _fits(row, answer, content)), None)
        if row is None:
            self._by_status(answer, content)
        elif row.means != "taken":
            raise _failure(row, answer, content)
        return Taken(self.name, found(content, self._gateway.message_id) if self._gateway.message_id else None)

    def _by_status(self, answer: httpx.Response, content: Any) -> None:
        failure = failure_of(answer.status_code, retry_after=retry_after(answer))
        if failure:
            raise failure
        if any(row.field for row in self._gateway.answers):
            raise TemporaryFailure("unreadable answer" if content is None else "unknown answer")


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None


def _fits(row: Answer, answer: httpx.Response, content: Any) -> bool:
    status = str(answer.status_code)
    if row.status and not any(_like(status, pattern) for pattern in row.status):
        return False
    return not row.field or found(content, row.field) in row.equals


def _like(status: str, pattern: str) -> bool:
    return all(wanted in ("x", digit) for digit, wanted in zip(status, pattern, strict=True))


def _failure(row: Answer, answer: httpx.Response, content: Any) -> TemporaryFailure | PermanentFailure:
    """The row's own value is told: it stands in the configuration, so it holds no text of the provider."""
    error = f"HTTP {answer.status_code}" + (f" {found(content, row.field)}" if row.field else "")
    match row.means:
        case "unavailable":
            return Unavailable(error, retry_after=retry_after(answer))
        case "temporary":
            return TemporaryFailure(error, retry_after=retry_after(answer))
    return PermanentFailure(error)
