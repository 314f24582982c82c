"""The indexes: among them the promises that the database itself keeps."""

from services.booking.storage.calls import ensure_call_indexes
from services.booking.storage.daybook import ensure_daybook_indexes
from services.booking.storage.invitations import ensure_invitation_indexes
from services.booking.storage.messages import ensure_message_indexes
from services.booking.storage.staff_lists import ensure_list_indexes
from shared.mongo import Database
from shared.outbox import ensure_outbox_index


async def ensure_indexes(database: Database) -> None:
    """At start, never later: making an index stalls writers."""
    appointments = database["appointments"]
    # The promise of this service: two appointments can never own one desk cell, whatever the code does.
    await appointments.create_index(
        [("office", 1), ("cells", 1)],
        name="cells",
        unique=True,
        partialFilterExpression={"cells.0": {"$exists": True}},
    )
    await appointments.create_index(
        [("cells", 1)], name="owners", partialFilterExpression={"cells.0": {"$exists": True}}
    )
    # One active appointment per person and service; an invitation is good for one.
    await appointments.create_index(
        [("office", 1), ("active", 1)],
        name="active",
        unique=True,
        partialFilterExpression={"active.0": {"$exists": True}},
    )
    await appointments.create_index(
        [("invitation", 1)],
        name="invitation",
        unique=True,
        partialFilterExpression={"invitation": {"$exists": True}},
    )
    await appointments.create_index(
        [("office", 1), ("waiting_since", 1)],
        name="waiting",
        partialFilterExpression={"wish": {"$exists": True}},
    )
    await appointments.create_index(
        [("offer.expires_at", 1)], name="offers", partialFilterExpression={"offer": {"$exists": True}}
    )
    await appointments.create_index([("office", 1), ("starts_at", 1)], name="day")
    await appointments.create_index([("ends_at", 1)], name="ends_at")
    # For the sweep, which must not read all that is over each time: years of it are kept for the figures.
    for field in ("cells", "active"):
        await appointments.create_index(
            [("ends_at", 1)], name=f"past_{field}", partialFilterExpression={f"{field}.0": {"$exists": True}}
        )
    await appointments.create_index([("expires_at", 1)], name="expires_at", sparse=True)
    await appointments.create_index([("cooling.release_at", 1)], name="cooling", sparse=True)
    await appointments.create_index([("contact.email_digest", 1)], name="email_digest", sparse=True)
    await appointments.create_index([("phone_digest", 1)], name="phone", sparse=True)
    for name in ("appointments", "offices", "demand", "capacity", "free_times"):
        await ensure_outbox_index(database[name])
    await database["demand"].create_index([("minute", 1)], name="kept", expireAfterSeconds=30 * 24 * 3600)
    await ensure_daybook_indexes(database)
    await ensure_invitation_indexes(database)
    await ensure_call_indexes(database)
    await ensure_message_indexes(database)
    await ensure_list_indexes(database)
