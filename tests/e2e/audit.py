"""Runs inside the network of a stack in containers and reads its databases; `tests.e2e.cluster` asks.

python audit.py members                   how each member of the replica set is, by its host
python audit.py ledger                    what is wrong, once everything is at rest, and what is booked
python audit.py messages <handed_over     what is wrong with them; how often each reference was handed over
"""

import json
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.wholeness import Client, violations, wrongly_sent

SECRETS = Path("/secrets")
_AT_REST_WITHIN_S = 120
# Each of the two elections may end a lease unrecorded, but no message lives through both.
_MOST = 2


def members(client: Client) -> dict[str, str]:
    found = client.admin.command("replSetGetStatus")["members"]
    return {member["name"]: member["stateStr"] for member in found}


def ledger(client: Client) -> dict[str, Any]:
    return {
        "violations": _violations_at_rest(client),
        "steps": {
            document["_id"]: [step["step"] for step in document["steps"]]
            for document in client["booking"]["appointments"].find()
        },
        "signing_keys": (SECRETS / "booking_signing_keys").read_text().strip(),
    }


def messages(client: Client, handed_over: Mapping[str, int]) -> list[str]:
    """A mail's Message-ID has dots for what may not stand in one."""
    ids = [delivery["_id"] for delivery in client["notification"]["deliveries"].find({}, {"_id": 1})]
    full = {re.sub(r"[^A-Za-z0-9._-]", ".", id): id for id in ids}
    times = Counter[str]()
    for reference, count in handed_over.items():
        times[full.get(reference, reference)] += count
    return list(wrongly_sent(client, handed_over=times, most=defaultdict(lambda: _MOST)))


def _violations_at_rest(client: Client) -> list[str]:
    """What is on its way counts as a violation: waits until it has arrived."""
    deadline = time.monotonic() + _AT_REST_WITHIN_S
    while (found := violations(client)) and time.monotonic() < deadline:
        time.sleep(1)
    return found


def answer(client: Client, question: str) -> Any:
    if question == "messages":
        return messages(client, json.load(sys.stdin))
    return members(client) if question == "members" else ledger(client)


def main() -> None:
    uri = (SECRETS / "admin_mongodb_uri").read_text().strip()
    with MongoClient[dict[str, Any]](uri, tz_aware=True, serverSelectionTimeoutMS=5000) as client:
        try:
            found = answer(client, sys.argv[1])
        except PyMongoError as error:
            found = {"error": f"{type(error).__name__}: {error}"[:500]}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
