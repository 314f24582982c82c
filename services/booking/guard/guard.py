"""The guard at the door: counts, asks for proofs, refuses; and says so honestly."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NoReturn

from prometheus_client import Counter
from starlette.requests import Request
from uuid_utils import uuid7

from services.booking.demand import DemandCounter
from services.booking.domain.limits import RUNGS, Free, Limits, Prove, Refuse, client_key, judge, quota
from services.booking.domain.office import Office
from services.booking.domain.rules import Helper
from services.booking.guard import helpers
from services.booking.guard.addresses import Proxies
from services.booking.guard.counters import Buckets, DailySalt, Key, PerMinute
from services.booking.guard.proofs import Fault, ProofRejected, Proofs
from services.booking.guard.storage import ProofStore
from shared.contracts import EntryRequested, OpenEntry, new_event
from shared.mongo import DatabaseClock
from shared.observability import get_logger
from shared.sealed_contact import seal_entry
from shared.sealing import PublicKeys

log = get_logger()

REFUSED = Counter("limits_refused_total", "Requests that came too often from one address", ["what"])
PROOFS = Counter("limits_proofs_total", "Holds that needed a proof of work, by what came of it", ["outcome"])

_ALL: Key = b""
_Phone = str | None
What = Literal["hold", "search", "challenge", "mail", "mailbox", "helper"]


class TooMany(Exception):
    """Of `what` too many: mails to one mailbox, a helper's holds, or anything from one address.

    `phone` is the office's, where it is clear which one is meant.
    """

    def __init__(self, what: What, *, again_after: timedelta, phone: _Phone) -> None:
        super().__init__(what)
        self.what = what
        self.again_after = again_after
        self.phone = phone


class ProofNeeded(Exception):
    """This hold needs a proof of work; without one it will do after `free_after`."""

    def __init__(self, *, fault: Fault, free_after: timedelta, phone: _Phone) -> None:
        super().__init__(fault)
        self.fault = fault
        self.free_after = free_after
        self.phone = phone


class Guard:
    """`limits` None is the profile "off": nothing is counted or refused, proofs are given and not asked for."""

    def __init__(
        self,
        *,
        limits: Limits | None,
        proxies: Proxies,
        offices: Mapping[str, Office],
        proofs: Proofs,
        store: ProofStore,
        demand: DemandCounter,
        clock: DatabaseClock,
        notification_keys: PublicKeys,
        public_url: str,
    ) -> None:
        self._limits = limits
        self._proxies = proxies
        self._offices = offices
        self.proofs = proofs
        self._store = store
        self._demand = demand
        self._clock = clock
        self._notification_keys = notification_keys
        self._public_url = public_url.rstrip("/")
        self._salt = DailySalt()
        known = limits or Limits()
        self._many = known.many_holds
        self._holds = [Buckets(limit) for limit in known.holds]
        self._load = Buckets(known.load)
        self._searches = Buckets(known.searches)
        self._challenges = Buckets(known.challenges)
        self._mails = Buckets(known.mails)
        self._mails_to = Buckets(known.mails_to)
        # Apart: whoever asks for links to a stranger's address shall not keep him from booking.
        self._contacts_to = Buckets(known.mails_to)
        self._helpers: dict[str, Buckets] = {}
        self._per_minute = PerMinute()
        self._warned = False

    def search(self, request: Request, *, office: str) -> None:
        """Raises TooMany."""
        if self._limits:
            client, now = self._seen(request)
            self._use(self._searches, client, now, what="search", office=office)

    def challenge(self, request: Request) -> dict[str, Any]:
        """As hard as a hold from this address needs, and never less than the first rung. Raises TooMany."""
        if not self._limits:
            return self.proofs.challenge(1)
        client, now = self._seen(request)
        self._use(self._challenges, client, now, what="challenge")
        match self._judge(client, now):
            case Prove(rung):
                return self.proofs.challenge(rung)
            case Refuse():
                return self.proofs.challenge(RUNGS)
            case Free():
                return self.proofs.challenge(1)

    async def hold(
        self, request: Request, *, office: str, proof: str | None, helper: str | None, idempotency_key: str
    ) -> str:
        """Lets a hold through and returns its channel. Raises TooMany, ProofNeeded, UnknownHelper."""
        known = helpers.find(helper, [self._offices[office]]) if helper else None
        if self._limits and known:
            self._use_quota(known, self._today(), office=office)
        elif self._limits:
            client, now = self._seen(request)
            await self._admit(client, now, office, proof, idempotency_key)
        return "helper" if known else "web"

    def contact(self, request: Request, *, addresses: Iterable[str], helper: str | None) -> None:
        """Messages ask at these addresses and numbers to confirm. Registered helpers may get many.

        Raises TooMany, UnknownHelper.
        """
        known = helpers.find(helper, self._offices.values()) if helper else None
        if self._limits and not known:
            now = self._today()
            for address in addresses:
                self._use(self._contacts_to, self._salt.hashed(address), now, what="mailbox")

    def links(self, request: Request, *, to: str) -> None:
        """Raises TooMany, whether or not anybody is known by this address or number."""
        self._mail(request, to, office=None)

    def entry(self, request: Request, *, office: str, email: str) -> None:
        """Raises TooMany."""
        self._mail(request, email, office=office)

    async def mail_entry(self, *, office: str, email: str, language: str) -> None:
        token = self.proofs.new_entry(str(uuid7()))
        wish = OpenEntry(
            entry=token.id,
            office=office,
            email=email,
            language=language,
            entry_url=f"{self._public_url}/entry?token={token.text}",
            expires_at=token.until,
        )
        told, now = seal_entry(wish, keys=self._notification_keys), self._clock.now()
        await self._store.tell_entry(new_event(EntryRequested, subject=token.id, sequence=1, data=told, time=now))

    async def _admit(
        self, client: Key, now: datetime, office: str, proof: str | None, idempotency_key: str
    ) -> None:
        verdict = self._possible(client, now, office)
        if isinstance(verdict, Prove):
            await self._take_proof(verdict, office, proof, idempotency_key)
            # Others of this address may have been let through meanwhile.
            self._possible(client, now, office)
        for buckets in self._holds:
            buckets.use(client, now)
        self._load.use(_ALL, now)
        if self._per_minute.count(client, now) == self._many + 1:
            self._demand.many_holds(office)

    def _possible(self, client: Key, now: datetime, office: str) -> Free | Prove:
        verdict = self._judge(client, now)
        if isinstance(verdict, Refuse):
            self._refuse("hold", verdict.again_after, office=office)
        return verdict

    def _judge(self, client: Key, now: datetime) -> Free | Prove | Refuse:
        uses = [(buckets.of(client), buckets.limit) for buckets in self._holds]
        return judge(uses, (self._load.of(_ALL), self._load.limit), now=now)

    async def _take_proof(self, verdict: Prove, office: str, proof: str | None, idempotency_key: str) -> None:
        try:
            if proof is None:
                raise ProofRejected("missing")
            await self.proofs.spend(proof, rung=verdict.rung, request=idempotency_key)
        except ProofRejected as rejected:
            self._count_proof(rejected.fault, office)
            raise ProofNeeded(
                fault=rejected.fault, free_after=verdict.free_after, phone=self._phone(office)
            ) from None
        PROOFS.labels("solved").inc()

    def _count_proof(self, fault: Fault, office: str) -> None:
        PROOFS.labels(fault).inc()
        if fault == "missing":
            self._demand.proof_asked(office)
        else:
            self._demand.proof_failed(office)

    def _use_quota(self, helper: Helper, now: datetime, *, office: str) -> None:
        today = quota(helper.holds_per_day)
        buckets = self._helpers.setdefault(f"{office}|{helper.id}", Buckets(today))
        # The office may have changed it since the last hold.
        buckets.limit = today
        self._use(buckets, _ALL, now, what="helper", office=office)

    def _mail(self, request: Request, email: str, *, office: str | None) -> None:
        if self._limits:
            client, now = self._seen(request)
            self._use(self._mails, client, now, what="mail", office=office)
            self._use(self._mails_to, self._salt.hashed(email), now, what="mailbox", office=office)

    def _use(self, buckets: Buckets, key: Key, now: datetime, *, what: What, office: str | None = None) -> None:
        if wait := buckets.wait(key, now):
            self._refuse(what, wait, office=office)
        buckets.use(key, now)

    def _refuse(self, what: What, again_after: timedelta, *, office: str | None) -> NoReturn:
        REFUSED.labels(what).inc()
        if office:
            self._demand.refused(office)
        raise TooMany(what, again_after=again_after, phone=self._phone(office))

    def _today(self) -> datetime:
        """Now; what was counted yesterday is forgotten."""
        now = self._clock.now()
        if self._salt.renewed(now):
            by_key = (self._searches, self._challenges, self._mails, self._mails_to, self._contacts_to)
            for buckets in (*self._holds, *by_key):
                buckets.clear()
        return now

    def _seen(self, request: Request) -> tuple[Key, datetime]:
        """Which client asks, and when."""
        now = self._today()
        if not self._warned and self._proxies.ignores(request.scope):
            # A proxy that nobody registered makes one client of all citizens.
            self._warned = True
            log.warning("proxy_not_trusted", setting="BOOKING_TRUSTED_PROXIES")
        return self._salt.hashed(client_key(self._proxies.client(request.scope))), now

    def _phone(self, office: str | None) -> _Phone:
        if office is None and len(self._offices) == 1:
            office = next(iter(self._offices))
        return self._offices[office].data.phone if office else None
