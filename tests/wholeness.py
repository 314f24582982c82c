"""What must hold of everything that is stored, as soon as nothing is on its way any more.

Read straight from MongoDB, around the services and without their rules. Each function gives one sentence for
each thing that is wrong; `assert_whole` raises AssertionError with all of them.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection

from shared.restated import STEP
from tests.recount import Recount

Document = dict[str, Any]
Client = MongoClient[Document]

OPEN = ("held", "requested", "waiting", "confirmed", "checked_in", "called", "in_service")
OUTBOXES = {
    "booking": ("appointments", "offices", "demand", "capacity", "free_times", "proofs"),
    "notification": ("deliveries",),
}
FACTS = ("appointments", "messages", "demand", "capacity", "free_times")
# Which of an appointment's events asks for which message, and which ones notification hears at all.
ASKS_FOR = {
    "appointment.requested.v1": "confirm_request",
    "appointment.confirmed.v1": "confirmation",
    "appointment.restored.v1": "confirmation",
    "appointment.rescheduled.v1": "rescheduled",
    "appointment.cancelled.v1": "cancellation",
    "appointment.office_cancelled.v1": "office_cancellation",
    "appointment.joined_waiting_list.v1": "waiting",
    "appointment.offered.v1": "offer",
    "contact.link_requested.v1": "link",
}
HEARD_BY_NOTIFICATION = {type for type in ASKS_FOR if type.startswith("appointment.")} | {
    f"appointment.{step}.v1"
    for step in ("expired", "left_waiting_list", "offer_ended", "resized", "corrected", "recovered")
}
_CELL = timedelta(minutes=5)
_FIRST_SENTENCES = 20


def assert_whole(client: Client) -> None:
    """Everything but the messages themselves, which `wrongly_sent` counts."""
    wrong = violations(client)
    shown = "\n  ".join(wrong[:_FIRST_SENTENCES])
    assert not wrong, f"{len(wrong)} violations:\n  {shown}"


def violations(client: Client) -> list[str]:
    checks = (
        on_its_way,
        gaps,
        doubly_owned,
        unheard_by_notification,
        unheard_by_reporting,
        unheard_by_booking,
        unsaid,
        wrong_figures,
    )
    return [sentence for check in checks for sentence in check(client)]


def on_its_way(client: Client) -> Iterator[str]:
    """Events that nobody published, deliveries that nobody ended, figures that nobody computed."""
    for database, collections in OUTBOXES.items():
        for name in collections:
            for document in client[database][name].find({"outbox.0": {"$exists": True}}):
                yield f"{database}.{name} {document['_id']} still has to tell {_types(document['outbox'])}"
    # A reminder lies days ahead.
    due = {"status": "due", "$nor": [{"purpose": "reminder", "$expr": {"$gt": ["$next_at", "$$NOW"]}}]}
    for delivery in client["notification"]["deliveries"].find(
        {"$or": [due, {"settle": True}, {"token": {"$exists": True}}]}
    ):
        yield f"delivery {delivery['_id']} is {delivery['status']} and not done with"
    for kind in FACTS:
        for fact in client["reporting"][kind].find({"dirty_since": {"$exists": True}}):
            yield f"figures of {kind} {fact['_id']} wait to be computed"


def gaps(client: Client) -> Iterator[str]:
    """Each version of an appointment and of a delivery has told exactly one event, in order.

    A restore goes up by one whole step instead, and tells that.
    """
    for document in client["booking"]["appointments"].find():
        told = [e["sequence"] for e in document["history"] if e["exchange"] == "appointments"]
        if not _unbroken(told, document["version"]):
            yield f"appointment {document['_id']} is at version {document['version']} and told {told}"
        # What was taken back is no step any more, and taking it back was none.
        taken_back = sum(entry["type"] == "appointment.undone.v1" for entry in document["history"])
        restored = sum(entry["type"] == "appointment.recovered.v1" for entry in document["history"])
        if len(document["steps"]) + 2 * taken_back + restored * STEP != document["version"]:
            yield f"appointment {document['_id']} took {len(document['steps'])} steps to version {told}"
    for document in client["notification"]["deliveries"].find():
        told = [entry["sequence"] for entry in document.get("history", ())]
        if not _unbroken(told, document["version"]):
            yield f"delivery {document['_id']} is at version {document['version']} and told {told}"


def _unbroken(told: list[int], version: int) -> bool:
    """From 1 to `version` one by one, or by a restore's step."""
    return all(after - before in (1, STEP) for before, after in pairwise([0, *told])) and [0, *told][-1] == version


def doubly_owned(client: Client) -> Iterator[str]:
    """No desk cell has two owners, no desk two visitors at a time, and no visitor less than the whole time."""
    appointments = list(client["booking"]["appointments"].find())
    owners = defaultdict(list)
    for document in appointments:
        for cell in document.get("cells", ()):
            owners[document["office"], cell].append(document["_id"])
    yield from (f"cell {cell} has {len(ids)} owners: {ids}" for cell, ids in owners.items() if len(ids) > 1)
    desks = defaultdict(list)
    for document in appointments:
        if document["status"] in OPEN:
            visits = [visit for visit in (document, document.get("offer")) if visit and visit["lane"]]
            for visit in visits:
                desk = document["office"], visit["team"], visit["lane"]
                desks[desk].append({"_id": document["_id"], **visit})
            cooling = sum(len(freed["cells"]) for freed in document.get("cooling", ()))
            wanted = sum((visit["ends_at"] - visit["starts_at"]) // _CELL for visit in visits)
            if len(document.get("cells", ())) - cooling != wanted:
                yield f"{document['status']} appointment {document['_id']} does not own its {wanted} cells"
    for visits in desks.values():
        for one, next_ in pairwise(sorted(visits, key=lambda visit: visit["starts_at"])):
            if next_["starts_at"] < one["ends_at"]:
                yield f"appointments {one['_id']} and {next_['_id']} overlap at one desk"


def unheard_by_notification(client: Client) -> Iterator[str]:
    """The newest state, contact and office are known, and each event that asks for a message got one planned."""
    known = client["notification"]
    planned = set(known["deliveries"].distinct("_id"))
    states, contacts = dict[str, int](), dict[str, int]()
    for document in client["booking"]["appointments"].find():
        id, history = document["_id"], document["history"]
        states |= _newest(id, (e for e in history if e["type"] in HEARD_BY_NOTIFICATION))
        contacts |= _newest(id, (e for e in history if e["exchange"] == "contacts"))
        for entry in history:
            purpose = _asks_for(entry)
            if purpose and _reaches_somebody(entry) and f"{entry['id']}:{purpose}:email" not in planned:
                yield f"appointment {id} was {entry['type']}, and no {purpose} was planned"
    yield from _differing(known["appointments"], states)
    yield from _differing(known["contacts"], contacts)
    yield from _differing(known["offices"], _versions(client["booking"]["offices"]))


def unheard_by_reporting(client: Client) -> Iterator[str]:
    """Every fact stands at the version of what it is about."""
    facts = client["reporting"]
    for name in OUTBOXES["booking"]:
        yield from _differing(facts[name], _versions(client["booking"][name]))
    yield from _differing(facts["messages"], _versions(client["notification"]["deliveries"]))


def unheard_by_booking(client: Client) -> Iterator[str]:
    """Where the message that asks to confirm was handed over, or cannot be, the time to confirm runs."""
    deliveries = client["notification"]["deliveries"]
    for document in client["booking"]["appointments"].find({"status": "requested"}):
        told = deliveries.find_one({"_id": f"{document['requested_by']}:confirm_request:email"}) or {}
        over = told.get("status") == "sent" or told.get("undeliverable")
        if over and document["steps"][-1]["step"] != "confirmation_sent":
            yield f"appointment {document['_id']} waits for a message that was {told['status']}"


def unsaid(client: Client) -> Iterator[str]:
    """Where nothing that was planned for one purpose has arrived or can arrive, exactly one delivery says so."""
    planned = defaultdict[tuple[str, str], list[Document]](list)
    for delivery in client["notification"]["deliveries"].find():
        planned[delivery["caused_by"], delivery["purpose"]].append(delivery)
    for (event, purpose), deliveries in planned.items():
        statuses = {delivery["status"] for delivery in deliveries}
        hopeless = "failed" in statuses and statuses <= {"failed", "not_wanted"}
        if sum(bool(delivery.get("undeliverable")) for delivery in deliveries) != hopeless:
            yield f"{purpose} for {event} is {', '.join(sorted(statuses))}, and that is not said once"


def wrong_figures(client: Client) -> Iterator[str]:
    """Reporting's figures of each day against a recount of what booking and notification store."""
    counted = recount(client)
    for collection in ("figures", "days"):
        shown = Counter[tuple[str, str]]()
        for bucket in client["reporting"][collection].find():
            for figure, amount in bucket["sums"].items():
                shown[bucket["day"], figure] += amount
            for each in bucket["values"]:
                shown[bucket["day"], f"{each['h']} {each['v']}"] += each["n"]
        for key in sorted(counted.keys() | shown.keys()):
            if counted[key] != shown[key]:
                yield f"{key[1]} of {key[0]} shows {shown[key]} in {collection}, a recount gives {counted[key]}"


def recount(client: Client) -> Counter[tuple[str, str]]:
    """By local day and figure; how often a value of a histogram occurred is the figure `<histogram> <value>`."""
    counted, booking = Recount(), client["booking"]
    for document in booking["appointments"].find():
        counted.appointment({**document, "language": (document.get("contact") or {}).get("language")})
    for document in client["notification"]["deliveries"].find({"version": {"$gt": 0}}):
        newest = document["history"][-1]
        counted.message(document, outcome=newest["type"].split(".")[1], at=newest["at"])
    for name, count in (
        ("demand", counted.demand),
        ("capacity", counted.capacity),
        ("free_times", counted.free_times),
    ):
        for document in booking[name].find():
            count(json.loads(document["last"]["body"])["data"])
    figures = Counter[tuple[str, str]]()
    for place, sums in counted.sums.items():
        figures.update({(place[0] or "", figure): n for figure, n in sums.items()})
    for place, histograms in counted.values.items():
        figures.update(
            (place[0] or "", f"{name} {value}") for name, values in histograms.items() for value in values
        )
    return figures


def wrongly_sent(client: Client, *, handed_over: Mapping[str, int], most: Mapping[str, int]) -> Iterator[str]:
    """`handed_over` counts what the providers took, by delivery id; `most` is by appointment, 1 where absent."""
    deliveries = {d["_id"]: d for d in client["notification"]["deliveries"].find()}
    for id, delivery in deliveries.items():
        times, allowed = handed_over.get(id, 0), most.get(delivery["appointment"], 1)
        if delivery["status"] == "sent" and not 1 <= times <= allowed:
            yield f"delivery {id} went out {times} times, and may do so 1 to {allowed} times"
        if delivery["status"] != "sent" and times:
            yield f"delivery {id} is {delivery['status']} and went out {times} times"
    yield from (f"{id} went out and is no delivery" for id in handed_over.keys() - deliveries.keys())


def _versions(collection: Collection[Document]) -> dict[str, int]:
    """Of everything that has told something."""
    return {d["_id"]: d["version"] for d in collection.find({"version": {"$gt": 0}}, {"version": 1})}


def _newest(id: str, entries: Iterable[Document]) -> dict[str, int]:
    sequences = [entry["sequence"] for entry in entries]
    return {id: max(sequences)} if sequences else {}


def _differing(collection: Collection[Document], wanted: Mapping[str, int]) -> Iterator[str]:
    known = {d["_id"]: d["sequence"] for d in collection.find({}, {"sequence": 1})}
    for id in sorted(known.keys() | wanted.keys()):
        if known.get(id) != wanted.get(id):
            yield f"{collection.full_name} knows {id} at {known.get(id)}, and not at {wanted.get(id)}"


def _asks_for(entry: Document) -> str | None:
    """An offer that ran out is told; who declined one knows."""
    if entry["type"] != "appointment.offer_ended.v1":
        return ASKS_FOR.get(entry["type"])
    return "offer_expired" if json.loads(entry["body"])["data"]["steps"][-1]["by"] == "system" else None


def _reaches_somebody(entry: Document) -> bool:
    """Who cancels before saying how to be reached gets no message."""
    return entry["exchange"] == "contacts" or json.loads(entry["body"])["data"]["contact_sequence"] is not None


def _types(entries: list[Document]) -> str:
    return ", ".join(entry["type"] for entry in entries)
