"""Settings of reporting, prefix REPORTING_."""

from zoneinfo import ZoneInfo, available_timezones

from pydantic import SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import CommonSettings


class Settings(CommonSettings):
    model_config = SettingsConfigDict(env_prefix="REPORTING_", hide_input_in_errors=True)

    mongodb_database: str = "reporting"
    # Days of figures begin and end by this clock. A change needs a rebuild of all figures.
    timezone: str = "Europe/Berlin"
    # Several are separated by blanks. Without any, nobody sees more than an office makes public.
    staff_keys: SecretStr = SecretStr("")
    operator_keys: SecretStr = SecretStr("")
    # How readers reach this service: links in mails begin with it, and with https cookies go over TLS alone.
    public_url: str = ""

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no time zone, as Europe/Berlin is")
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
