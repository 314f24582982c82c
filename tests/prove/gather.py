"""Waits until a running world is quiet, and reads from it what the ledger is made of."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpx
from bson import Timestamp
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from deploy.local.stack import Service, Stack
from services.booking.tokens import Keys
from shared.contracts import Contact
from shared.sealing import PrivateKeys, SymmetricKeys, Wrapped, unseal
from shared.setup import Trouble
from tests.prove.checks.evidence import CellsChanged, Evidence, Learned, Queue, Struck, Taken
from tests.prove.checks.figures import GROUPS
from tests.prove.history import History
from tests.prove.world import SEND_TIMEOUT_S
from tests.sealed import opened

Document = dict[str, Any]
Client = MongoClient[Document]

# Reporting counts days by this clock unless it is told another one.
_ZONE = "Europe/Berlin"
# Booking tells the searches of the last second when it is over: two looks must be further apart than that.
_CALM_S, _LOOK_AGAIN_S = 2.5, 0.5
# Wider than any date that an event may carry: visits ahead, and what probes make up.
_DAYS_AROUND = timedelta(days=500)

_BOOKING, _NOTIFICATION = ("booking", "appointments"), ("notification", "appointments")
# What is written here comes last in the stream, so that the reader knows when it has seen everything.
_MARK = ("audit", "marks")
_OUTBOXES = (
    ("booking", "appointments"),
    ("booking", "demand"),
    ("booking", "offices"),
    ("booking", "capacity"),
    ("booking", "free_times"),
    ("notification", "deliveries"),
)
_FACTS = ("appointments", "messages", "demand", "capacity", "free_times")
_NOT_ASKED = {"request_digest": 0, "code": 0}


class Recording(Protocol):
    """A sink of messages."""

    @property
    def taken(self) -> Sequence[Taken]: ...


class World(Protocol):
    """What is looked at: real servers and services, and everything that came to the sinks."""

    history: History
    invented: set[str]
    planted: set[str]
    poisoned: Counter[str]
    stack: Stack

    @property
    def mail(self) -> Recording: ...
    @property
    def gateway(self) -> Recording: ...
    @property
    def keys(self) -> Keys: ...
    def auditor(self) -> Client: ...
    def of_kind(self, kind: str) -> list[Service]: ...
    def queues(self) -> dict[str, tuple[int, int]]: ...
    def wait(self, seconds: float) -> None: ...


def wait_for_quiet(world: World, *, within: float) -> list[str]:
    """Until nothing changes any more: empty, or what is still on its way after `within` seconds."""
    deadline, calm_since = time.monotonic() + within, float("inf")
    with world.auditor() as client:
        while True:
            moving = _stored(world, client) or _queued(world)
            now = time.monotonic()
            calm_since = float("inf") if moving else min(calm_since, now)
            if now - calm_since >= _CALM_S:
                return []
            if moving and now > deadline:
                return _stored(world, client) + _queued(world)
            world.wait(_LOOK_AGAIN_S)


def gather(
    world: World, *, seed: int, struck: Sequence[Struck], since: datetime, unquiet: Sequence[str]
) -> Evidence:
    """Everything from `since` on, which is before the world's first write. Nothing may change while it reads."""
    with world.auditor() as client:
        cells, learned = _replayed(client, since)
        booking, notification, reporting = client["booking"], client["notification"], live_figures(client)
        return Evidence(
            seed=seed,
            operations=world.history.operations,
            struck=struck,
            appointments=_booked(world, client),
            demand=_by_id(booking["demand"].find()),
            offices=_by_id(booking["offices"].find({}, {"version": 1, "outbox": 1})),
            cells=cells,
            learned=learned,
            deliveries=_by_id(notification["deliveries"].find()),
            contacts=_contacts(world, client),
            capacity=_by_id(booking["capacity"].find()),
            free_times=_by_id(booking["free_times"].find()),
            facts={kind: _by_id(reporting[kind].find()) for kind in _FACTS},
            figures=_figures(world, since),
            taken=[_with_delivery_id(copy) for copy in (*world.mail.taken, *world.gateway.taken)],
            queues={name: Queue(*counts) for name, counts in world.queues().items()},
            poisoned=dict(world.poisoned),
            invented=frozenset(world.invented),
            planted=frozenset(world.planted),
            unquiet=unquiet,
            zone=_ZONE,
            send_timeout_s=SEND_TIMEOUT_S,
            appointment_id=world.keys.appointment_id,
        )


def live_figures(client: Client) -> Database[Document]:
    """The database that reporting shows: a rebuild may have put another one in place of its own."""
    pointer = client["reporting"]["generations"].find_one({"_id": "live"})
    return client[pointer["live"] if pointer else "reporting"]


def cells_changed(event: Document, offices: dict[str, str]) -> CellsChanged | None:
    """What a change of booking's appointments did to cells; `offices` remembers whose appointment is where."""
    id, kind = event["documentKey"]["_id"], event["operationType"]
    if kind in ("insert", "replace"):
        offices[id] = event["fullDocument"]["office"]
        cells: Sequence[str] | None = event["fullDocument"].get("cells", ())
    else:
        cells = () if kind == "delete" else _updated_cells(event)
    return None if cells is None else CellsChanged(event["wallTime"], id, offices[id], tuple(cells))


def learned_state(event: Document) -> Learned | None:
    """What a change of notification's appointments made the newest known state."""
    if event["operationType"] in ("insert", "replace"):
        stored = event["fullDocument"]
    else:
        stored = event.get("updateDescription", {}).get("updatedFields", {})
    if "data" not in stored:
        return None
    return Learned(event["wallTime"], event["documentKey"]["_id"], stored["sequence"], stored["data"])


def _updated_cells(event: Document) -> Sequence[str] | None:
    """All that are owned after the update, None where it left them alone. Raises ValueError for a part of them."""
    update = event["updateDescription"]
    shortened = (array["field"] for array in update.get("truncatedArrays", ()))
    if any(name.startswith("cells.") for name in event["touched"]) or "cells" in shortened:
        raise ValueError(f"cells of {event['documentKey']['_id']} changed in part; a replay needs all of them")
    if "cells" in update.get("removedFields", ()):
        return ()
    cells: Sequence[str] | None = update.get("updatedFields", {}).get("cells")
    return cells


def _replayed(client: Client, since: datetime) -> tuple[list[CellsChanged], list[Learned]]:
    offices: dict[str, str] = {}
    cells, learned = [], []
    for event in _changes(client, since):
        if (event["ns"]["db"], event["ns"]["coll"]) == _BOOKING:
            cells.append(cells_changed(event, offices))
        else:
            learned.append(learned_state(event))
    return [change for change in cells if change], [state for state in learned if state]


def _changes(client: Client, since: datetime) -> Iterator[Document]:
    """Every change of the two collections in the order in which the database applied them, until now."""
    pipeline = _pipeline()
    marks = client[_MARK[0]][_MARK[1]]
    with client.watch(pipeline, start_at_operation_time=_beginning(client, since)) as stream:
        mark = marks.insert_one({}).inserted_id
        for event in stream:
            if event["documentKey"]["_id"] == mark:
                return
            if (event["ns"]["db"], event["ns"]["coll"]) != _MARK:
                yield dict(event)


def _beginning(client: Client, since: datetime) -> Timestamp:
    """A member that joined later has no older history; that of appointments began when all were there."""
    oldest = client["local"]["oplog.rs"].find_one({}, {"ts": 1}, sort=[("$natural", 1)])
    assert oldest
    first: Timestamp = oldest["ts"]
    return max(first, Timestamp(int(since.timestamp()), 1))


def _pipeline() -> list[Mapping[str, Any]]:
    namespaces = [
        {"db": database, "coll": collection} for database, collection in (_BOOKING, _NOTIFICATION, _MARK)
    ]
    updated = {"$objectToArray": {"$ifNull": ["$updateDescription.updatedFields", {}]}}
    touched = {"$map": {"input": updated, "in": "$$this.k"}}
    ours = {"$regex": "^(cells|data)"}
    wanted = [
        {"operationType": {"$in": ["insert", "replace", "delete"]}},
        {"touched": ours},
        {"updateDescription.removedFields": ours},
        {"updateDescription.truncatedArrays.field": ours},
    ]
    kept = ("operationType", "ns", "documentKey", "wallTime", "touched", "updateDescription.removedFields")
    fields = ("office", "cells", "sequence", "data")
    project = dict.fromkeys((*kept, "updateDescription.truncatedArrays"), 1)
    project |= {f"fullDocument.{name}": 1 for name in fields}
    project |= {f"updateDescription.updatedFields.{name}": 1 for name in fields}
    return [
        {"$match": {"ns": {"$in": namespaces}}},
        {"$set": {"touched": touched}},
        {"$match": {"$or": wanted}},
        {"$project": project},
    ]


def _figures(world: World, since: datetime) -> list[Document]:
    """The report grouped by everything."""
    days = {"from": since - _DAYS_AROUND, "to": since + _DAYS_AROUND}
    query = {name: day.date().isoformat() for name, day in days.items()} | {"group_by": ",".join(GROUPS)}
    url = world.of_kind("reporting")[0].url
    answer = httpx.get(f"{url}/v1/reports/figures", params=query, headers=world.stack.reader, timeout=30)
    answer.raise_for_status()
    rows: list[Document] = answer.json()
    return rows


def _with_delivery_id(copy: Taken) -> Taken:
    """A Message-ID cannot hold the colons of a delivery's id; it has dots in their place."""
    reference = copy.reference.replace(".", ":") if copy.kind == "email" else copy.reference
    return Taken(at=copy.at, to=copy.to, reference=reference, kind=copy.kind)


def _booked(world: World, client: Client) -> dict[str, Document]:
    """As they are stored, but for the contact: its addresses stand where the ledger can read them."""
    keys = SymmetricKeys.read(SecretStr(world.stack.secret("booking_contact_keys")))
    stored = _by_id(client["booking"]["appointments"].find({}, _NOT_ASKED))
    for wrapped in client["booking_keys"]["keys"].find({"_id": {"$in": list(stored)}}):
        document = stored[wrapped["_id"]]
        sealed = document.pop("person", None)
        if sealed and "contact" in document:
            key = keys.unwrap(Wrapped(**wrapped["booking"]), owner=document["_id"])
            person = unseal(sealed, key=key, owner=document["_id"])
            document["contact"] |= {name: person[name] for name in ("email", "phone")}
    return stored


def _contacts(world: World, client: Client) -> dict[str, Document]:
    """Opened as notification opens them: `{_id, sequence, erased, data: {email, phone, sms_consent}}`."""
    keys = PrivateKeys.read(SecretStr(world.stack.secret("notification_contact_private_keys")))
    stored = _by_id(client["notification"]["contacts"].find())
    for wrapped in client["notification_keys"]["keys"].find({"key": {"$exists": True}}):
        document = stored.get(wrapped.pop("_id"))
        if document and "data" in document:
            contact = Contact.model_validate({**document["data"], **wrapped})
            document["data"] = opened(contact, keys=keys).model_dump(include={"email", "phone", "sms_consent"})
    return stored


def _by_id(documents: Iterator[Document]) -> dict[str, Document]:
    return {document["_id"]: document for document in documents}


def _stored(world: World, client: Client) -> list[str]:
    """What the databases say is still on its way."""
    try:
        looks = [*_untold(client), *_unsettled(client), *_unsent(world, client), *_uncounted(client)]
    except PyMongoError as error:
        return [f"the database does not answer ({type(error).__name__})"]
    return [f"{count} {what}" for count, what in looks if count]


def _untold(client: Client) -> Iterator[tuple[int, str]]:
    for database, collection in _OUTBOXES:
        count = client[database][collection].count_documents({"outbox.0": {"$exists": True}})
        yield count, f"{collection} with unpublished events"


def _unsettled(client: Client) -> Iterator[tuple[int, str]]:
    """What time alone will change. A request whose message has not gone out waits for that, not for time."""
    appointments = client["booking"]["appointments"]
    asked = {"status": "requested", "$expr": {"$eq": [{"$last": "$steps.step"}, "confirmation_sent"]}}
    yield appointments.count_documents({"status": "held"}), "holds that are not settled yet"
    yield appointments.count_documents(asked), "requests that are not settled yet"
    yield appointments.count_documents({"cooling.0": {"$exists": True}}), "appointments with cooling cells"


def _unsent(world: World, client: Client) -> Iterator[tuple[int, str]]:
    """What probes made up may wait for ever, and a reminder waits for its day."""
    deliveries = client["notification"]["deliveries"]
    real = {"_id": {"$nin": sorted(world.planted)}, "appointment": {"$nin": sorted(world.invented)}}
    due = {"status": "due", "purpose": {"$ne": "reminder"}}
    yield deliveries.count_documents({**due, **real}), "deliveries that are due"
    yield deliveries.count_documents({"settle": True}), "failed deliveries that nobody has looked into"


def _uncounted(client: Client) -> Iterator[tuple[int, str]]:
    for kind in _FACTS:
        count = live_figures(client)[kind].count_documents({"dirty_since": {"$exists": True}})
        yield count, f"facts of {kind} that the figures do not show"


def _queued(world: World) -> list[str]:
    try:
        queues = world.queues()
    except Trouble as trouble:
        return [f"the broker does not answer ({trouble})"]
    waiting = {name: messages for name, (messages, _) in queues.items() if not name.endswith(".parking")}
    return [f"queue {name}: {messages} messages" for name, messages in sorted(waiting.items()) if messages]
