"""Settings that every service has; each service adds its own under its own prefix."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS_DIR = "AMTSTERMIN_SECRETS_DIR"


class CommonSettings(BaseSettings):
    """Read from `<PREFIX>_<NAME>` in the environment, else from the file `<prefix>_<name>` in the secrets
    folder that AMTSTERMIN_SECRETS_DIR names."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    mongodb_uri: SecretStr
    mongodb_database: str
    amqp_url: SecretStr
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    log_level: str = "INFO"
    # Longer than the slowest handler, shorter than compose's stop_grace_period of 40 s.
    stop_within: timedelta = timedelta(seconds=25)

    def __init__(self, **values: Any) -> None:
        folder = os.environ.get(SECRETS_DIR)
        if folder and Path(folder).is_dir():
            values.setdefault("_secrets_dir", folder)
        super().__init__(**values)
