"""Settings of reporting, prefix REPORTING_."""

from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import CommonSettings


class Settings(CommonSettings):
    model_config = SettingsConfigDict(env_prefix="REPORTING_", hide_input_in_errors=True)

    mongodb_database: str = "reporting"
    # Days of figures begin and end by this clock. A change needs a rebuild of all figures.
    timezone: str = "Europe/Berlin"
    # Several are separated by blanks; `<office>:<key>` opens one office alone. Without any, nobody sees more than
    # an office makes public.
    staff_keys: SecretStr = SecretStr("")
    operator_keys: SecretStr = SecretStr("")
    # How readers reach this service: with https, cookies go over TLS alone.
    public_url: str = ""
    # The résumé of each month or quarter that is over goes to these addresses, separated by commas; that of one
    # office alone to `<office>:<address>`.
    resume_to: str = ""
    resume_every: Literal["month", "quarter"] = "quarter"
    sender: str = ""
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no time zone, as Europe/Berlin is")
        return value

    @model_validator(mode="after")
    def _can_be_mailed(self) -> Self:
        if self.resume_to and not (self.smtp_host and self.sender):
            raise ValueError("REPORTING_RESUME_TO needs REPORTING_SMTP_HOST and REPORTING_SENDER as well")
        return self

    def resume_addresses(self, office: str) -> tuple[str, ...]:
        """Whoever gets the résumé of `office`."""
        parts = (part.strip().rpartition(":") for part in self.resume_to.split(","))
        return tuple(dict.fromkeys(to.strip() for of, _, to in parts if to.strip() and of.strip() in ("", office)))

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
