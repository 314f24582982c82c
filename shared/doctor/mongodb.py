"""The database as its administrator sees it: members, clock, users, disk, and events that do not leave."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from shared.doctor.findings import Finding, Level, limits, well

Client = MongoClient[dict[str, Any]]

_STATES = {1: "PRIMARY", 2: "SECONDARY", 7: "ARBITER"}
_CLOCK_S = (2.0, 30.0)
_DISK_USED = (0.80, 0.92)
_OUTBOX_S = (60.0, 600.0)


def examine(uri: str, *, users: dict[str, Any], databases: Iterable[str]) -> Iterator[Finding]:
    """`databases` are those whose events may wait in an outbox."""
    with MongoClient[dict[str, Any]](uri, tz_aware=True, serverSelectionTimeoutMS=3000) as client:
        try:
            hello = client.admin.command("hello")
        except PyMongoError as error:
            do = "Look whether mongod runs (its log), and whether these are its secrets."
            yield Finding("mongodb", Level.CRITICAL, f"does not answer: {error!s:.120}", do)
            return
        yield _members(client, hello)
        yield clock(client)
        yield _users(client, users)
        yield _disk(client)
        yield _outboxes(client, databases)


def _members(client: Client, hello: dict[str, Any]) -> Finding:
    members = client.admin.command("replSetGetStatus")["members"]
    wrong = [f"{m['name']} is {m['stateStr']}" for m in members if m["state"] not in _STATES or m["health"] != 1]
    if not hello.get("isWritablePrimary"):
        wrong.append("there is no primary")
    if not wrong:
        return well("mongodb", f"{len(members)} of {len(members)} members of {hello['setName']} are well")
    level = Level.WARNING if hello.get("isWritablePrimary") else Level.CRITICAL
    return Finding("mongodb", level, "; ".join(wrong), "Start the member, or look into its log.")


def clock(client: Client) -> Finding:
    before = time.time()
    server = client.admin.command("hello")["localTime"].replace(tzinfo=UTC).timestamp()
    after = time.time()
    apart = max(before - server, server - after, 0.0)
    level = limits(apart, warning=_CLOCK_S[0], critical=_CLOCK_S[1])
    said = f"this host and MongoDB are {apart:.1f} s apart"
    return Finding("clock", level, said, "" if level is Level.OK else "Let both follow NTP (timedatectl).")


def _users(client: Client, wanted: dict[str, Any]) -> Finding:
    stored = {u["user"]: _roles(u["roles"]) for u in client.admin.command("usersInfo", 1)["users"]}
    expected = {u["user"]: _roles(u["roles"]) for u in wanted["users"]}
    wrong = [f"{name} is missing" for name in expected.keys() - stored.keys()]
    wrong += [
        f"{name} has other roles" for name in expected.keys() & stored.keys() if expected[name] != stored[name]
    ]
    more = stored.keys() - expected.keys()
    if wrong:
        do = "Run `amtstermin setup mongo` with the file deploy/mongo/users.json as it should be."
        return Finding("mongodb_users", Level.CRITICAL, "; ".join(sorted(wrong)), do)
    if more:
        do = "Drop whoever is nobody's, or enter them into deploy/mongo/users.json."
        return Finding("mongodb_users", Level.WARNING, f"unknown to the file: {', '.join(sorted(more))}", do)
    return well("mongodb_users", f"{len(expected)} users have the roles of the file")


def _roles(roles: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(role["role"], role["db"]) for role in roles}


def _disk(client: Client) -> Finding:
    stats = client["admin"].command("dbStats")
    used = stats["fsUsedSize"] / max(stats["fsTotalSize"], 1)
    level = limits(used, warning=_DISK_USED[0], critical=_DISK_USED[1])
    free = (stats["fsTotalSize"] - stats["fsUsedSize"]) / 2**30
    said = f"MongoDB's disk is {used:.0%} full, {free:.0f} GiB are free"
    return Finding("disk", level, said, "" if level is Level.OK else "Make room, or give the volume more.")


def _outboxes(client: Client, databases: Iterable[str]) -> Finding:
    oldest: dict[str, datetime] = {}
    for database in databases:
        for name in client[database].list_collection_names(filter={"type": "collection"}):
            waiting = {"outbox.0": {"$exists": True}}
            found = client[database][name].find_one(waiting, {"outbox.at": 1}, sort=[("outbox.0.at", 1)])
            if found:
                oldest[f"{database}.{name}"] = found["outbox"][0]["at"]
    if not oldest:
        return well("outbox", "no event waits")
    where, at = min(oldest.items(), key=lambda item: item[1])
    age = (datetime.now(UTC) - at).total_seconds()
    level = limits(age, warning=_OUTBOX_S[0], critical=_OUTBOX_S[1])
    do = "Look whether RabbitMQ answers, has an alarm or a full queue, and whether that service runs."
    return Finding("outbox", level, f"an event in {where} waits for {age:.0f} s", "" if level is Level.OK else do)
