"""Invitations: made by staff or another system, good for one booking."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from services.booking.domain.actors import Actor
from services.booking.domain.names import same_name
from services.booking.domain.office import Office
from services.booking.people import People
from services.booking.storage import Invitation, Invitations, InvitationUsed, UnknownInvitation
from services.booking.tokens import Keys
from shared.mongo import DatabaseClock


class NotByInvitation(Exception):
    """The service needs no invitation."""


class OverAlready(Exception):
    """It would be over before anybody could use it."""


@dataclass(slots=True)
class Inviting:
    invitations: Invitations
    keys: Keys
    clock: DatabaseClock
    people: People

    async def invite(
        self,
        office: Office,
        service: str,
        *,
        expires_at: datetime,
        family_name: str | None,
        by: Actor,
        email: str | None = None,
        language: str = "de",
    ) -> tuple[Invitation, str]:
        """The invitation and its token, which is shown once and stored nowhere. To `email` the link is mailed.

        Raises NotByInvitation, OverAlready.
        """
        now = self.clock.now()
        if expires_at <= now:
            raise OverAlready
        if office.service(service).mode != "invitation":
            raise NotByInvitation
        name = self._name(family_name) if family_name else None
        invitation = Invitation(str(uuid4()), office.id, service, expires_at, name)
        token = f"{invitation.id}.{self.keys.secret('invitation', invitation.id)}"
        mail = self.people.invitation(invitation, email=email, language=language, token=token) if email else None
        await self.invitations.add(invitation, now=now, by=by.id or "", mail=mail)
        return invitation, token

    async def look(self, token: str) -> Invitation:
        """What the mailed link leads to; it uses nothing up. Raises UnknownInvitation, InvitationUsed."""
        id, _, secret = token.partition(".")
        if not self.keys.verifies(secret, "invitation", id):
            raise UnknownInvitation
        invitation = await self.invitations.get(id)
        if invitation.expires_at <= self.clock.now() or invitation.revoked_at is not None:
            raise UnknownInvitation
        if invitation.used:
            raise InvitationUsed
        return invitation

    async def check(self, token: str, *, office: str, service: str, family_name: str) -> str:
        """The invitation's id; raises UnknownInvitation, which does not say what is wrong with it.

        That it is used once is the database's business: its id stands in the appointment under a unique index.
        """
        id, _, secret = token.partition(".")
        if not self.keys.verifies(secret, "invitation", id):
            raise UnknownInvitation
        invitation = await self.invitations.get(id)
        over = invitation.expires_at <= self.clock.now() or invitation.revoked_at is not None
        fits = (invitation.office, invitation.service) == (office, service)
        if over or not fits or invitation.name not in (None, self._name(family_name)):
            raise UnknownInvitation
        return id

    def _name(self, family_name: str) -> str:
        return self.keys.digest(f"invited|{same_name(family_name)}")
