"""Proof of work by ALTCHA's protocol (version 2), and the mailed link that stands in for it.

A challenge's answer is one of so many numbers (`_NUMBERS`), each a key derivation: at most so long, not only on
average. Checking costs one HMAC. The figures come from docs/decisions/0010-limits-and-proof-of-work.md.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import altcha

from services.booking.domain.limits import RUNGS
from services.booking.guard.storage import ProofStore
from services.booking.tokens import Keys
from shared.mongo import DatabaseClock

_ALGORITHM = "PBKDF2/SHA-256"
# Derivations of so many rounds each: the hardest rung is 0.5 million rounds at most.
_ROUNDS = 2_000
_NUMBERS = dict(zip(range(1, RUNGS + 1), (32, 64, 128, 256), strict=True))

CHALLENGE_ENDS = timedelta(minutes=5)
ENTRY_ENDS = timedelta(minutes=30)
HOLDS_PER_ENTRY = 5
_ENTRY = "entry"

Fault = Literal["missing", "wrong", "expired", "used", "too-easy"]


class ProofRejected(Exception):
    """What was sent is no proof, or none any more."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class EntryToken:
    """Names nobody: an id, until when, and our signature."""

    id: str
    until: datetime
    text: str


class Proofs:
    def __init__(self, *, keys: Keys, store: ProofStore, clock: DatabaseClock) -> None:
        self._keys = keys
        self._store = store
        self._clock = clock

    def challenge(self, rung: int) -> dict[str, Any]:
        """As ALTCHA's widgets expect it: `parameters` and their `signature`."""
        signs, signs_answer = self._secrets()[0]
        made = altcha.create_challenge(
            _ALGORITHM,
            _ROUNDS,
            counter=secrets.randbelow(_NUMBERS[rung]),
            expires_at=self._clock.now() + CHALLENGE_ENDS,
            data={"rung": rung},
            hmac_secret=signs,
            hmac_key_secret=signs_answer,
        )
        return made.to_dict()

    def new_entry(self, id: str) -> EntryToken:
        until = (self._clock.now() + ENTRY_ENDS).replace(microsecond=0)
        subject = f"{id}.{int(until.timestamp())}"
        return EntryToken(id, until, f"{_ENTRY}.{subject}.{self._keys.secret('entry', subject)}")

    async def spend(self, given: str, *, rung: int, request: str) -> None:
        """Uses up the solution or entry token `given` for `request`, or raises ProofRejected.

        One rung less than needed is enough: it may have risen since the challenge was given.
        """
        if entry := self.entry(given):
            id, most, until = entry.id, HOLDS_PER_ENTRY, entry.until
        else:
            id, most, until = self._solved(given, at_least=rung - 1)
        if not await self._store.spend(id, by=self._keys.digest(request), most=most, until=until):
            raise ProofRejected("used")

    def entry(self, given: str) -> EntryToken | None:
        """None where it is no entry token at all; raises ProofRejected where it is none of ours, or over."""
        kind, _, rest = given.partition(".")
        if kind != _ENTRY:
            return None
        id, _, rest = rest.partition(".")
        ends, _, secret = rest.partition(".")
        if not self._keys.verifies(secret, "entry", f"{id}.{ends}"):
            raise ProofRejected("wrong")
        until = datetime.fromtimestamp(int(ends), UTC)
        if until <= self._clock.now():
            raise ProofRejected("expired")
        return EntryToken(id, until, given)

    def _solved(self, given: str, *, at_least: int) -> tuple[str, int, datetime]:
        parameters = self._verified(given)
        until = datetime.fromtimestamp(parameters.expires_at or 0, UTC)
        # The library looks at this process's own clock; all processes agree on the database's.
        if until <= self._clock.now():
            raise ProofRejected("expired")
        if (parameters.data or {}).get("rung", 0) < at_least:
            raise ProofRejected("too-easy")
        return parameters.nonce, 1, until

    def _verified(self, given: str) -> altcha.ChallengeParameters:
        for signs, signs_answer in self._secrets():
            result = altcha.verify_solution(given, signs, hmac_key_secret=signs_answer)
            if result.expired:
                raise ProofRejected("expired")
            if result.verified:
                return altcha.Payload.from_base64(given).challenge.parameters
        raise ProofRejected("wrong")

    def _secrets(self) -> list[tuple[str, str]]:
        """For each signing key, the newest first: what signs challenges, and what signs their answers."""
        return list(zip(self._keys.derived("challenge"), self._keys.derived("answer"), strict=True))
