"""Settings of the notification service: NOTIFICATION_… in the environment, or files of that name."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from services.notification.channels.email import is_plain_address
from services.notification.channels.email.boxes import box_of
from services.notification.channels.sms import Gateway, WrongSms, gateways_of, read_configuration
from services.notification.domain import Channel
from shared.contracts.offices import is_training
from shared.phones import read_countries
from shared.settings import CommonSettings


class Settings(CommonSettings):
    model_config = SettingsConfigDict(env_prefix="NOTIFICATION_", extra="ignore", hide_input_in_errors=True)

    mongodb_database: str = "notification"
    # "n1:<hex>[,n0:<hex>]": all open contacts; booking has the public ones.
    contact_private_keys: SecretStr
    # The wrapped data keys lie apart from the contacts, on another server where one is named.
    keys_database: str = "notification_keys"
    keys_mongodb_uri: SecretStr | None = None

    smtp_host: str
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_tls: Literal["none", "starttls", "tls"] = "starttls"
    # A folder's own certificate authority; without it the system's list counts.
    smtp_ca: Path | None = None
    # The address that mails come from; the name beside it is the office's.
    sender: str
    # Where bounces go; with {delivery} in the part before the @, where the server knows sub-addresses.
    return_path: str | None = None
    # The mailbox that they come to: imaps://user@host/folder, or maildir:<path>.
    bounces: str = "none"
    bounces_password: SecretStr | None = None
    bounces_ca: Path | None = None
    bounces_every: timedelta = timedelta(minutes=1)
    # A private key in PEM signs each mail for <selector>._domainkey.<domain>.
    dkim_key_file: Path | None = None
    dkim_selector: str | None = None
    # Else the sender's.
    dkim_domain: str | None = None
    sms: str = "none"
    # For the gateway that NOTIFICATION_SMS names.
    sms_token: SecretStr | None = None
    # Several providers, or one that needs more words, instead of NOTIFICATION_SMS.
    sms_providers: Path | None = None
    # What that file may not hold: {"<provider>": {"<secret>": "…"}}.
    sms_secrets: dict[str, dict[str, SecretStr]] = Field(default_factory=dict)
    # Where providers reach this service from outside, as https://termine.example/notification: for their receipts.
    public_url: str | None = None
    # ISO 3166 codes, as DE,AT,CH. Every further country costs more and invites abuse.
    sms_countries: str = "DE"
    # Segments of one message, and of one office on one of its days.
    sms_longest: int = Field(default=6, ge=1, le=20)
    sms_a_day: int = Field(default=3000, ge=0)
    # What each process may give to the mail server, and to each SMS provider whose entry names no limits.
    smtp_per_second: int | None = Field(default=None, ge=1)
    smtp_per_hour: int | None = Field(default=None, ge=1)
    sms_per_second: int | None = Field(default=None, ge=1)
    sms_per_hour: int | None = Field(default=None, ge=1)
    # A JSON list of addresses, "@domain"s and numbers in E.164: only they get anything; what others would get is
    # recorded as `sandboxed`. None: everybody gets theirs.
    sandbox: frozenset[str] | None = None
    # {"<office>": ["<address>", …]}: whom of its own people an office mails the day's list and its conflicts.
    staff_mail: dict[str, frozenset[str]] = Field(default_factory=dict)
    # {"<office>-uebung": "<address>"}: where a training office's mails go instead; nowhere without an entry.
    training_mail: dict[str, str] = Field(default_factory=dict)
    # Channels that send nothing, whatever operators resume; they pause others at run time.
    paused: frozenset[Channel] = frozenset()
    # "off": texts go out at any hour; for tests and measuring.
    quiet_hours: Literal["on", "off"] = "on"
    # Off: nobody is reminded, whatever the offices say.
    reminders: Literal["on", "off"] = "on"
    # Opens /v1/status, /v1/pauses and /status; without it they are closed.
    operators_token: SecretStr | None = Field(default=None, min_length=16)
    # For one message, connecting included. A claim lasts three times as long.
    send_timeout: timedelta = timedelta(seconds=10)
    # Of each channel. Also the number of SMTP connections. Servers often allow no more from one client.
    sends_in_flight: int = Field(default=16, ge=1, le=200)
    # Counted from when a message would have been too late, which is at the latest when the visit begins.
    keep_deliveries: timedelta = timedelta(days=30)
    poll_every: timedelta = timedelta(seconds=1)

    @field_validator("sender")
    @classmethod
    def _sender_is_an_address(cls, value: str) -> str:
        if not is_plain_address(value):
            raise ValueError("must be a plain mail address, without a name")
        return value

    @field_validator("staff_mail")
    @classmethod
    def _staff_have_addresses(cls, value: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        if not all(is_plain_address(to) for addresses in value.values() for to in addresses):
            raise ValueError('must be JSON as {"<office>": ["<plain mail address>"]}')
        return value

    @field_validator("training_mail")
    @classmethod
    def _only_of_training_offices(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(is_training(office) and is_plain_address(to) for office, to in value.items()):
            raise ValueError('must be JSON as {"<office>-uebung": "<plain mail address>"}')
        return value

    @field_validator("sandbox")
    @classmethod
    def _sandbox_in_small_letters(cls, value: frozenset[str] | None) -> frozenset[str] | None:
        return None if value is None else frozenset(to.strip().lower() for to in value)

    @field_validator("return_path")
    @classmethod
    def _return_path_is_an_address(cls, value: str | None) -> str | None:
        # As long as the longest delivery's sign makes it.
        longest = (value or "").replace("{delivery}", "d" * 56)
        in_domain = "{delivery}" in (value or "").partition("@")[2]
        if value and (not is_plain_address(longest) or longest.find("@") > 64 or in_domain):
            raise ValueError("must be a plain mail address, with {delivery} before the @ or without")
        return value

    @field_validator("bounces")
    @classmethod
    def _mailbox_can_be_read(cls, value: str) -> str:
        box_of(value, password=None, ca=None)
        return value

    @field_validator("dkim_selector", "dkim_domain")
    @classmethod
    def _dkim_names_are_names(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", value):
            raise ValueError("must be a name as DNS has them")
        return value

    @model_validator(mode="after")
    def _dkim_is_whole(self) -> Self:
        if bool(self.dkim_key_file) != bool(self.dkim_selector):
            raise ValueError("dkim_key_file and dkim_selector belong together")
        return self

    @field_validator("sms")
    @classmethod
    def _sms_provider_exists(cls, value: str) -> str:
        gateways_of(value, with_token=False)
        return value

    @field_validator("sms_countries")
    @classmethod
    def _countries_exist(cls, value: str) -> str:
        read_countries(value)
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url_is_one(cls, value: str | None) -> str | None:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https://")
        return value.rstrip("/") if value else None

    @property
    def sms_gateways(self) -> tuple[Gateway, ...]:
        """Raises WrongSms where the providers' file is wrong, or there are two places that name providers."""
        if self.sms_providers is None:
            return gateways_of(self.sms, with_token=self.sms_token is not None)
        if self.sms != "none":
            raise WrongSms("NOTIFICATION_SMS and NOTIFICATION_SMS_PROVIDERS exclude each other")
        return read_configuration(self.sms_providers)

    @property
    def all_sms_secrets(self) -> dict[str, dict[str, SecretStr]]:
        """By the provider's name; with the token of the gateway that NOTIFICATION_SMS names."""
        return {**self.sms_secrets, **({"gateway": {"token": self.sms_token}} if self.sms_token else {})}
