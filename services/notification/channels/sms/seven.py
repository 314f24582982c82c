"""seven.io (seven communications GmbH, Kiel), by its public documentation.

Request and answer: docs.seven.io/en/rest-api/endpoints/sms; the codes: the table in the vendor's own PHP client.
"""

import json
import re
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from services.notification.channels import PermanentFailure, Taken, TemporaryFailure, Unavailable
from services.notification.channels.sms.answers import failure_of
from services.notification.channels.sms.asking import ask, client_for, retry_after
from services.notification.channels.sms.templates import found

# seven refuses the same text to the same number for 180 s. Whatever it has surely not sent is repeated after that,
# or the repeat would look like one that was sent.
_LOCKED_FOR = timedelta(seconds=200)
_TAKEN = "100"
_PARTLY = "101"
# Only what was taken over before is refused so: its answer had not reached us.
_TAKEN_BEFORE = "402"
# The carrier is away, the carrier did not deliver, unknown error.
_FOR_NOW = frozenset({"11", "600", "700"})
# Sender, no credit, key, interface switched off, our address not allowed.
_OUR_MATTER = frozenset({"201", "500", "900", "902", "903"})
# Number wrong or missing, text missing or too long, too many to this number today.
_NEVER = frozenset({"202", "301", "305", "401", "403"})
_UNSAFE = re.compile(r"[^A-Za-z0-9._@-]")


class SevenProvider:
    def __init__(
        self, *, name: str, url: str, key: SecretStr, sender: str | None = None, timeout: timedelta
    ) -> None:
        self.name = name
        self._url = httpx.URL(url)
        self._headers = {"X-Api-Key": key.get_secret_value(), "Accept": "application/json"}
        self._sender = {"from": sender} if sender else {}
        self._client = client_for(self._url, timeout=timeout)

    async def send(self, *, to: str, text: str, reference: str) -> Taken:
        message = {"to": to, "text": text, "foreign_id": foreign_id(reference), **self._sender}
        answer = await ask(self._client, "POST", self._url, headers=self._headers, json=message)
        content = _content(answer)
        code = _code(content)
        if code is None:
            raise _unreadable(answer)
        if code == _TAKEN_BEFORE:
            return Taken(self.name)
        failure = _failure(code, answer)
        if failure:
            raise failure
        return Taken(self.name, found(content, "messages.0.id"))

    async def close(self) -> None:
        await self._client.aclose()


def foreign_id(reference: str) -> str:
    """Our delivery id in the signs that seven allows; it comes back with each receipt."""
    return _UNSAFE.sub(".", reference)


def _content(answer: httpx.Response) -> Any:
    """JSON, as documented; an older interface answers with the bare code."""
    try:
        return answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None


def _code(content: Any) -> str | None:
    """Of the one message where the whole says that not all were taken."""
    code = str(content) if isinstance(content, int) else found(content, "success")
    if code != _PARTLY:
        return code if code and code.isdecimal() else None
    return _TAKEN if found(content, "messages.0.success") == "true" else found(content, "messages.0.error") or code


def _failure(code: str, answer: httpx.Response) -> TemporaryFailure | PermanentFailure | None:
    error = f"seven {code}"
    if code == _TAKEN:
        return None
    if code in _OUR_MATTER:
        return Unavailable(error, retry_after=retry_after(answer))
    if code in _NEVER:
        return PermanentFailure(error)
    if code in _FOR_NOW or code == _PARTLY:
        return TemporaryFailure(error, retry_after=_LOCKED_FOR)
    return TemporaryFailure("seven: unknown code")


def _unreadable(answer: httpx.Response) -> TemporaryFailure | PermanentFailure:
    """Asked again soon: what was taken over all the same is then refused as a repeat."""
    return failure_of(answer.status_code, retry_after=retry_after(answer)) or TemporaryFailure("unreadable answer")
