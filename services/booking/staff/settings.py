"""What the operator says about the office's identity provider."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from services.booking.domain.actors import Role, check_place

_THIS_MACHINE: Final = ("127.0.0.1", "localhost", "::1")


def secure_address(url: str) -> str:
    """Encrypted, or not leaving this machine. Raises ValueError."""
    parts = urlsplit(url)
    if parts.hostname and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
    ):
        return url
    raise ValueError("an identity provider is reached by https (http on this machine only)")


Issuer = Annotated[str, AfterValidator(secure_address)]


class Grant(BaseModel):
    """What one value of the roles claim gives."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    office: str = Field(description="An office's id, or * for all")
    roles: tuple[Role, ...] = Field(min_length=1)

    def model_post_init(self, _: object) -> None:
        check_place(self.roles, self.office)


class OidcSettings(BaseModel):
    """`roles_claim` may be a path with dots; `grants` are by value of that claim."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    client_id: str
    client_secret: SecretStr | None
    roles_claim: str
    grants: dict[str, Grant]
