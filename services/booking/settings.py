"""Settings of the booking service, prefix `BOOKING_`."""

from datetime import timedelta
from pathlib import Path

from pydantic import HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import CommonSettings


class Settings(CommonSettings):
    model_config = SettingsConfigDict(env_prefix="BOOKING_", extra="ignore", hide_input_in_errors=True)

    mongodb_database: str = "booking"
    # Where citizens reach this service: the links in messages begin with it.
    public_url: HttpUrl = HttpUrl("http://127.0.0.1:8000")
    offices: Path = Path("deploy/offices")
    # "k1:<hex>[,k0:<hex>]": the first signs, all verify.
    signing_keys: SecretStr
    sweep_every: timedelta = timedelta(seconds=5)
    # While nothing is known about the message that asks to confirm, the time is kept this long.
    request_without_message: timedelta = timedelta(hours=24)
