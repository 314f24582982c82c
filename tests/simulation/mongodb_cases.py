"""What the simulation leans on: each case returns what must be equal on the fake and on a real MongoDB."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import InsertOne, ReturnDocument, UpdateMany, UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError

from shared.mongo import Collection

Case = Callable[[Collection], Awaitable[Any]]

_AT = datetime(2026, 11, 30, 8, 0, 0, 123456, tzinfo=UTC)
CASES: list[Case] = []


def case(function: Case) -> Case:
    """What it returns must be equal on both."""
    CASES.append(function)
    return function


async def _stored(collection: Collection, *documents: dict[str, Any]) -> None:
    for document in documents:
        await collection.insert_one(document)


async def _all(collection: Collection) -> list[dict[str, Any]]:
    return await collection.find({}, sort=[("_id", 1)]).to_list(None)


async def _refused(attempt: Awaitable[Any]) -> tuple[Any, ...]:
    """What an error says to those who handle it."""
    try:
        await attempt
    except BulkWriteError as error:
        details = error.details or {}
        counts = {key: details[key] for key in ("nInserted", "nMatched", "nModified", "nUpserted")}
        errors = [(e["index"], e["code"], e["keyPattern"], e["keyValue"]) for e in details["writeErrors"]]
        return "bulk", counts, errors, details["writeConcernErrors"]
    except PyMongoError as error:
        return type(error).__name__, getattr(error, "code", None)
    except Exception as error:
        return (type(error).__name__,)
    return ("done",)


@case
async def values_come_back_as_a_database_keeps_them(c: Collection) -> Any:
    value = {"at": _AT, "tuple": (1, "two"), "deep": {"list": [{"a": None}]}, "yes": True, "half": 0.5}
    await c.insert_one({"_id": "a", **value})
    return await c.find_one({"_id": "a"})


@case
async def a_number_too_large_is_refused_by_the_driver(c: Collection) -> Any:
    return await _refused(c.update_one({"_id": "a"}, {"$set": {"n": 2**70}}, upsert=True)), await _all(c)


@case
async def a_known_key_is_refused(c: Collection) -> Any:
    await _stored(c, {"_id": "a", "n": 1})
    return await _refused(c.insert_one({"_id": "a", "n": 2})), await _all(c)


@case
async def filters_find_what_they_name(c: Collection) -> Any:
    await _stored(
        c,
        {"_id": "a", "n": 1, "tags": ["x", "y"], "deep": [{"at": _AT}], "on": True},
        {"_id": "b", "n": 2.5, "tags": [], "deep": [], "on": None},
        {"_id": "c", "n": "2", "tags": ["y"], "deep": [{"at": _AT + timedelta(hours=1)}, {"other": 1}]},
        {"_id": "d", "n": True, "deep": {"at": _AT}},
    )
    filters: list[dict[str, Any]] = [
        {"n": 1},
        {"n": {"$lt": 3}},
        {"n": {"$gte": "1"}},
        {"n": {"$gt": 1, "$lte": 2.5}},
        {"n": {"$ne": 1}},
        {"n": {"$in": [1, "2"]}},
        {"tags": "y"},
        {"tags": ["y"]},
        {"tags": {"$in": ["x", "z"]}},
        {"tags.0": {"$exists": True}},
        {"tags.1": "y"},
        {"on": None},
        {"on": {"$ne": True}},
        {"on": {"$exists": False}},
        {"deep.0": {"$exists": True}},
        {"deep.0.at": {"$lt": _AT + timedelta(minutes=1)}},
        {"deep.at": {"$gte": _AT + timedelta(minutes=1)}},
        {"$or": [{"n": 1}, {"on": None, "tags": []}]},
        {"_id": {"$in": ["d", "a", "nobody"]}, "n": {"$ne": "2"}},
        {"nothing": {"$lt": 5}},
        {"$expr": {"$or": [{"$eq": ["$n", 1]}, {"$lt": ["$nothing", 3]}]}, "tags": {"$exists": True}},
    ]
    return [[d["_id"] for d in await c.find(f, sort=[("_id", 1)]).to_list(None)] for f in filters]


@case
async def cursors_sort_cut_and_project(c: Collection) -> Any:
    await _stored(
        c,
        {"_id": "a", "box": [{"at": 3, "id": "x"}, {"at": 1, "id": "y"}], "p": 1, "name": {"de": "A", "en": "B"}},
        {"_id": "b", "box": [{"at": 2, "id": "z"}], "p": 1},
        {"_id": "c", "box": [], "p": 0, "name": {}},
        {"_id": "d", "p": 0},
    )
    return [
        await c.find({}, {"_id": 1}, sort=[("p", 1), ("_id", -1)]).to_list(None),
        await c.find({"box.0": {"$exists": True}}, {"box": 1}, sort=[("box.0.at", 1)]).to_list(None),
        await c.find({}, {"_id": 1}, sort=[("box.0.at", 1), ("_id", 1)], limit=3).to_list(None),
        await c.find({}, {"box.at": 1, "name.de": 1}, sort=[("_id", 1)]).to_list(None),
        await c.find({"p": 1}, {"p": 1}, sort=[("_id", 1)]).limit(1).to_list(None),
        [d["_id"] async for d in c.find({"p": 0}, sort=[("_id", 1)]).batch_size(1)],
        await c.find_one({"p": 1}, {"box.id": 1}, sort=[("_id", -1)]),
        await c.find_one({"p": 9}),
        await c.count_documents({"p": 1}),
        await c.count_documents({"p": 0}, limit=1),
    ]


@case
async def cursors_give_pages_until_nothing_is_left(c: Collection) -> Any:
    await _stored(c, *({"_id": f"{n}"} for n in range(5)))
    cursor = c.find({}, sort=[("_id", 1)]).batch_size(2)
    return [await cursor.to_list(2), await cursor.to_list(2), await cursor.to_list(2), await cursor.to_list(2)]


@case
async def operators_change_what_they_name(c: Collection) -> Any:
    await _stored(c, {"_id": "a", "n": 1, "box": [{"id": "x"}, {"id": "y"}], "gone": 1})
    entries = [{"id": "z", "at": _AT}, {"id": "w"}]
    results = [
        await c.update_one({"_id": "a"}, {"$set": {"n": 2}, "$unset": {"gone": "", "never": ""}}),
        await c.update_one({"_id": "a"}, {"$push": {"box": {"$each": entries}, "new": {"$each": entries}}}),
        await c.update_one({"_id": "a"}, {"$pull": {"box": {"id": {"$in": ["x", "z", "nobody"]}}}}),
        await c.update_one({"_id": "a"}, {"$set": {"n": 2}}),
        await c.update_one({"_id": "b"}, {"$set": {"n": 2}}),
        await c.update_many({"_id": {"$in": ["a", "b"]}}, {"$pull": {"box": {"id": "w"}, "absent": {"id": "w"}}}),
    ]
    return [(r.matched_count, r.modified_count, r.upserted_id) for r in results], await _all(c)


@case
async def many_are_updated_where_each_fits(c: Collection) -> Any:
    await _stored(
        c, {"_id": "a", "s": "due", "at": 1}, {"_id": "b", "s": "due", "at": 2}, {"_id": "c", "s": "sent"}
    )
    fits = {"s": "due", "at": {"$lte": 2}, "_id": {"$in": ["a", "b", "c"]}}
    first = await c.update_many(fits, {"$set": {"at": 9}, "$unset": {"waits": ""}})
    again = await c.update_many(fits, {"$set": {"at": 9}})
    return [(r.matched_count, r.modified_count) for r in (first, again)], await _all(c)


@case
async def a_guarded_upsert_inserts_updates_and_is_refused(c: Collection) -> Any:
    outcomes = []
    for sequence in (2, 3, 1, 3):
        guard = {"_id": "a", "sequence": {"$lt": sequence}, "erased": {"$ne": True}}
        update = {"$set": {"sequence": sequence, "data": {"n": sequence}}}
        outcomes.append(await _refused(c.update_one(guard, update, upsert=True)))
    return outcomes, await _all(c)


@case
async def set_on_insert_counts_only_for_what_is_new(c: Collection) -> Any:
    update = {"$setOnInsert": {"fence": 0, "until": _AT}, "$set": {"seen": True}}
    first = await c.update_one({"_id": "a", "kind": "lease"}, update, upsert=True)
    await c.update_one({"_id": "a"}, {"$set": {"fence": 5}})
    second = await c.update_one({"_id": "a", "kind": "lease"}, update, upsert=True)
    return [(r.matched_count, r.modified_count, r.upserted_id) for r in (first, second)], await _all(c)


@case
async def an_unordered_bulk_goes_on_after_refusals(c: Collection) -> Any:
    await _stored(c, {"_id": "a", "n": 5}, {"_id": "b", "n": 1})
    writes: list[InsertOne[dict[str, Any]] | UpdateOne | UpdateMany] = [
        UpdateOne({"_id": "a", "n": {"$lt": 3}}, {"$set": {"n": 3}}, upsert=True),
        InsertOne({"_id": "c", "n": 0}),
        UpdateOne({"_id": "b", "n": {"$lt": 3}}, {"$set": {"n": 3}}, upsert=True),
        InsertOne({"_id": "b", "n": 9}),
        UpdateOne({"_id": "d", "n": {"$lt": 3}}, {"$set": {"n": 3}}, upsert=True),
        UpdateMany({"n": 3}, {"$set": {"three": True}}),
        UpdateOne({"_id": "nobody"}, {"$set": {"n": 1}}),
    ]
    return await _refused(c.bulk_write(writes, ordered=False)), await _all(c)


@case
async def a_bulk_counts_what_it_matched_and_changed(c: Collection) -> Any:
    await _stored(c, {"_id": "a", "token": "x"}, {"_id": "b", "token": "y"})
    writes = [
        UpdateOne({"_id": "a", "token": "x"}, {"$set": {"s": 1}, "$unset": {"token": ""}}),
        UpdateOne({"_id": "b", "token": "z"}, {"$set": {"s": 1}}),
        UpdateOne({"_id": "c"}, {"$set": {"s": 1}}, upsert=True),
    ]
    result = await c.bulk_write(writes, ordered=False)
    counts = (result.matched_count, result.modified_count, result.upserted_count, result.inserted_count)
    return counts, result.upserted_ids, await _all(c)


@case
async def a_pipeline_sees_what_stood_there_before(c: Collection) -> Any:
    def change(sequence: int, *buckets: str) -> list[dict[str, Any]]:
        union = [{"$ifNull": ["$dirty", []]}, {"$ifNull": ["$buckets", []]}, {"$literal": list(buckets)}]
        fields = {
            "sequence": sequence,
            "fact": {"$literal": {"cost": "$5", "steps": [("held", _AT)]}},
            "buckets": {"$literal": list(buckets)},
            "dirty": {"$setUnion": union},
        }
        return [{"$set": fields}]

    outcomes = []
    for sequence, buckets in ((1, ("x",)), (3, ("y", "z")), (2, ("w",))):
        writes = [UpdateOne({"_id": "a", "sequence": {"$lt": sequence}}, change(sequence, *buckets), upsert=True)]
        outcomes.append(await _refused(c.bulk_write(writes, ordered=False)))
    (document,) = await _all(c)
    return outcomes, {**document, "dirty": sorted(document["dirty"])}


@case
async def a_lease_is_taken_kept_and_refused(c: Collection) -> Any:
    def take(holder: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        ours = {"$eq": ["$holder", holder]}
        takable = {"_id": "lease", "$expr": {"$or": [ours, {"$lt": ["$until", "$$NOW"]}]}}
        taken = {
            "fence": {"$cond": [ours, "$fence", {"$add": ["$fence", 1]}]},
            "holder": holder,
            "until": {"$add": ["$$NOW", 60_000]},
        }
        return takable, [{"$set": taken}]

    async def attempt(holder: str) -> Any:
        found = await c.find_one_and_update(*take(holder), return_document=ReturnDocument.AFTER)
        return found and (found["fence"], found["holder"], found["until"] > datetime(1971, 1, 1, tzinfo=UTC))

    nobody = await attempt("me")
    await _stored(c, {"_id": "lease", "fence": 0, "holder": "", "until": datetime(1970, 1, 1, tzinfo=UTC)})
    return nobody, await attempt("me"), await attempt("me"), await attempt("you")


@case
async def the_time_of_a_mark_is_kept_once_set(c: Collection) -> Any:
    marked = [{"$set": {"since": {"$ifNull": ["$since", "$$NOW"]}}}]
    await _stored(c, {"_id": "a"})
    await c.update_one({"_id": "a"}, marked)
    first = await c.find_one({"_id": "a"})
    await asyncio.sleep(0.01)
    await c.update_one({"_id": "a"}, marked)
    return first == await c.find_one({"_id": "a"})


@case
async def only_its_holder_deletes_a_lease(c: Collection) -> Any:
    await _stored(c, {"_id": "relay", "holder": "me"})
    return [
        (await c.delete_one({"_id": "relay", "holder": holder})).deleted_count for holder in ("you", "me", "me")
    ]


@case
async def an_upsert_of_many_at_once_inserts_one(c: Collection) -> Any:
    """By plain equality nobody is refused; with a guard only one of those who came first gets in."""
    plain = [c.update_one({"_id": "a"}, {"$set": {"erased": True}}, upsert=True) for _ in range(20)]
    results = await asyncio.gather(*plain)
    guarded = [
        _refused(c.update_one({"_id": "b", "n": {"$lt": 1}}, {"$set": {"n": 1}}, upsert=True)) for _ in range(20)
    ]
    outcomes = await asyncio.gather(*guarded)
    return sum(r.upserted_id == "a" for r in results), sorted(outcomes), await _all(c)
