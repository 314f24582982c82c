"""Which SMS providers there are: the file that NOTIFICATION_SMS_PROVIDERS names, in TOML, without any secret."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from services.notification.channels.sms.asking import gateway_address
from services.notification.channels.sms.templates import gaps, secrets_in, unknown_gaps

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,29}$")]
Status = Annotated[str, Field(pattern=r"^[1-5][0-9x]{2}$")]


class WrongSms(ValueError):
    """The file cannot be used; its text says where and why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Answer(_Part):
    """One row of the answer table; the first that fits decides. `status` is as 202 or 4xx; `field` a path in the
    JSON answer, as `messages.0.status`, of which `equals` are the values that fit, as text."""

    status: tuple[Status, ...] = ()
    field: str = ""
    equals: tuple[str, ...] = ()
    means: Literal["taken", "temporary", "permanent", "unavailable"]

    @field_validator("status", "equals", mode="before")
    @classmethod
    def _as_text(cls, values: Any) -> Any:
        return tuple(map(str, values if isinstance(values, list | tuple) else [values]))

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.status and not self.field:
            raise ValueError("an answer needs `status` or `field`")
        if bool(self.field) != bool(self.equals):
            raise ValueError("`field` and `equals` belong together")
        return self


class Receipts(_Part):
    """How a gateway's receipts are signed and read: HMAC-SHA256 in hex over `<timestamp>.<body>`, the time in
    seconds since 1970, under the secret `receipts`. The other names are paths in its JSON."""

    signature_header: str = "X-Signature"
    timestamp_header: str = "X-Timestamp"
    message_id: str = "message_id"
    reference: str = "reference"
    status: str = "status"
    delivered: tuple[str, ...] = ("delivered",)
    failed: tuple[str, ...] = ("failed",)


class _Provider(_Part):
    """What one process may give to it in any second and any hour; None is as much as there is."""

    per_second: int | None = Field(default=None, ge=1)
    per_hour: int | None = Field(default=None, ge=1)


class HttpGateway(_Provider):
    """Any gateway that takes one message for one request."""

    kind: Literal["http"]
    name: Name
    weight: int = Field(default=1, ge=1, le=100)
    url: str
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict)
    json_body: dict[str, Any] | None = Field(default=None, alias="json")
    form: dict[str, str] | None = None
    answers: tuple[Answer, ...] = ()
    message_id: str = ""
    receipts: Receipts | None = None

    @field_validator("url")
    @classmethod
    def _can_be_asked(cls, url: str) -> str:
        gateway_address(url, secret="a header, as {secret:token}")  # noqa: S106 - says where secrets belong
        return url

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.json_body is None) == (self.form is None):
            raise ValueError("needs either `json` or `form`")
        if unknown := unknown_gaps([self.headers, self.json_body, self.form]):
            raise ValueError(f"does not know {', '.join(sorted(unknown))}")
        body = set(gaps(self.json_body or self.form))
        if "text" not in body or not body & {"to", "to_digits"}:
            raise ValueError("its body needs {to} or {to_digits}, and {text}")
        if set(gaps(self.headers)) & {"to", "to_digits", "text"}:
            raise ValueError("number and text belong into the body")
        return self

    @property
    def secrets(self) -> set[str]:
        needed = secrets_in([self.headers, self.json_body, self.form])
        return needed | {"receipts"} if self.receipts else needed


class SevenGateway(_Provider):
    """seven.io; `sender` is what the phone shows. Its secrets are `key` and, for receipts, `receipts`."""

    kind: Literal["seven"]
    name: Name = "seven"
    weight: int = Field(default=1, ge=1, le=100)
    sender: str | None = Field(default=None, pattern=r"^([A-Za-z0-9 ._-]{1,11}|\+?[0-9]{1,16})$")
    url: str = "https://gateway.seven.io/api/sms"

    @field_validator("url")
    @classmethod
    def _can_be_asked(cls, url: str) -> str:
        gateway_address(url, secret="the secret `key`")  # noqa: S106 - says where secrets belong
        return url

    @property
    def secrets(self) -> set[str]:
        return {"key"}


class AppriseGateway(_Provider):
    """Any service that Apprise knows; its address, with {to} or {to_digits}, is the secret `url`."""

    kind: Literal["apprise"]
    name: Name = "apprise"
    weight: int = Field(default=1, ge=1, le=100)

    @property
    def secrets(self) -> set[str]:
        return {"url"}


class FileGateway(_Provider):
    """A file, for development."""

    kind: Literal["file"]
    name: Name = "file"
    weight: int = Field(default=1, ge=1, le=100)
    path: Path

    @property
    def secrets(self) -> set[str]:
        return set()


Gateway = Annotated[HttpGateway | SevenGateway | AppriseGateway | FileGateway, Field(discriminator="kind")]


class _File(_Part):
    provider: tuple[Gateway, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [one.name for one in self.provider]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two providers have the name {', '.join(sorted(twice))}")
        return self


def read_configuration(file: Path) -> tuple[Gateway, ...]:
    """Raises WrongSms, which names file, place and fault."""
    try:
        return _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))).provider
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSms(f"{file}: {error}") from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise WrongSms(f"{file}: {'; '.join(faults[:5])}") from error


def simple_gateway(url: str, *, with_token: bool) -> HttpGateway:
    """What NOTIFICATION_SMS=https://… stands for: `{to, text, reference}` as JSON; any 2xx means taken over."""
    token = {"Authorization": "Bearer {secret:token}"} if with_token else {}
    return HttpGateway(
        kind="http",
        name="gateway",
        url=url,
        # A gateway that knows it drops what it is given twice.
        headers={"Idempotency-Key": "{reference}", **token},
        json_body={"to": "{to}", "text": "{text}", "reference": "{reference}"},
        message_id="id",
    )
