"""The day's list and conflicts reach the office's own people, each address once, and nobody else."""

from datetime import timedelta

import pytest

from services.notification.domain import Status
from services.notification.staff_mails import staff_message
from shared.contracts import (
    AppointmentConfirmed,
    ConflictingVisit,
    ConflictList,
    DayList,
    ListedVisit,
    OfficeConflictsFound,
    OfficeDayPlanned,
    new_event,
)
from tests.integration.notification.harness import Notifications
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.patience import until
from tests.unit.notification.builders import a_contact_event, an_appointment_id, an_event

pytestmark = pytest.mark.anyio
OFFICE = "zollernalbkreis"
TEAM, LEAD = "team@amt.example", "leitung@amt.example"
STAFF = {OFFICE: frozenset({TEAM, LEAD})}


async def a_day(everywhere: Notifications) -> OfficeDayPlanned:
    now = (await everywhere.clock()).now()
    visit = ListedVisit(
        starts_at=now + timedelta(hours=3),
        code="K7MQ4XPA",
        service="eat_pickup",
        team="service_point",
        lane="counter_1",
        persons=3,
    )
    data = DayList(
        office=OFFICE, day=now.date(), as_of=now, visits=(visit,), url="https://termine.example/staff/today"
    )
    return new_event(OfficeDayPlanned, subject=f"{OFFICE}|{data.day}", sequence=1, data=data, time=now)


async def conflicts(everywhere: Notifications) -> OfficeConflictsFound:
    day = await a_day(everywhere)
    visit = ConflictingVisit(**day.data.visits[0].model_dump(), reason="desk-absent")
    data = ConflictList(office=OFFICE, as_of=day.time, new=1, visits=(visit,))
    return new_event(OfficeConflictsFound, subject=f"{OFFICE}|conflicts", sequence=1, data=data, time=day.time)


async def all_done(everywhere: Notifications, *, count: int) -> list[str]:
    """The statuses of all but reminders, once so many have one that is final."""
    deliveries = everywhere.database["deliveries"]

    async def look() -> list[str] | None:
        found = [d["status"] async for d in deliveries.find({"purpose": {"$ne": "reminder"}})]
        return found if len(found) == count and Status.DUE not in found else None

    found = await until(look, what=f"{count} deliveries are done")
    assert found
    return found


async def test_each_address_gets_a_list_once_from_two_processes_and_a_repeat(
    notifications: Notifications, mailbox: Mailbox
) -> None:
    """Seen to fail with a delivery's id of its own for each plan."""
    one, other = [await notifications.start(staff_mail=STAFF) for _ in range(2)]
    id = an_appointment_id()
    day, found = await a_day(notifications), await conflicts(notifications)
    # A citizen whom both know: lists are none of their business.
    await one.hear(an_event(AppointmentConfirmed, appointment=id, starts_at=day.time + timedelta(days=9)))
    await one.hear(a_contact_event(appointment=id, sms_consent=False))
    await one.hear(day, day, found)
    await other.hear(found, day)

    assert set(await all_done(notifications, count=5)) == {Status.SENT}
    assert sorted(mailbox.recipients) == sorted([TEAM, TEAM, LEAD, LEAD, "ayse@example.org"])
    await other.hear(day)
    assert len(await all_done(notifications, count=5)) == len(mailbox.mails)
    to_team = {str(mail["Subject"]): mail for mail in mailbox.mails if mail["To"] == TEAM}
    lists = {subject: str(mail.get_body(("plain",))) for subject, mail in to_team.items()}
    assert all("K7MQ4XPA" in text for text in lists.values())
    assert sum("https://termine.example/staff/today" in text for text in lists.values()) == 1
    assert "Platz nicht besetzt" in lists["Termine, die umgeplant werden müssen: 1"]


async def test_nothing_is_told_of_staff_mails_and_no_address_is_stored(
    notifications: Notifications, mailbox: Mailbox
) -> None:
    one = await notifications.start(staff_mail=STAFF)
    await one.hear(await a_day(notifications))
    await all_done(notifications, count=2)
    stored = [d async for d in notifications.database["deliveries"].find()]
    assert [d["outbox"] for d in stored] == [[], []]
    lists = [d async for d in notifications.database["staff_lists"].find()]
    assert len(lists) == 1
    assert "amt.example" not in f"{stored}{lists}"


async def test_no_address_no_mail(notifications: Notifications, mailbox: Mailbox) -> None:
    one = await notifications.start(staff_mail={"tuttlingen": frozenset({TEAM})})
    await one.hear(await a_day(notifications))
    assert await notifications.database["deliveries"].count_documents({}) == 0
    assert await notifications.database["staff_lists"].count_documents({}) == 0


async def test_whoever_is_not_named_any_more_gets_none(notifications: Notifications, mailbox: Mailbox) -> None:
    before = await notifications.start(staff_mail=STAFF, running=False)
    day = await a_day(notifications)
    await before.known.keep_list(day, until=day.time + timedelta(hours=4))
    await before.deliveries.plan(staff_message(day, to=TEAM))
    await before.deliveries.plan(staff_message(day, to=LEAD))
    await notifications.start(staff_mail={OFFICE: frozenset({LEAD})})
    assert sorted(await all_done(notifications, count=2)) == [Status.NOT_WANTED, Status.SENT]
    assert mailbox.recipients == [LEAD]


async def test_a_list_that_comes_too_late_is_not_sent(notifications: Notifications, mailbox: Mailbox) -> None:
    day = await a_day(notifications)
    (await notifications.clock()).ahead += timedelta(hours=4)
    one = await notifications.start(staff_mail=STAFF)
    await one.hear(day)
    assert set(await all_done(notifications, count=2)) == {Status.EXPIRED}
    assert mailbox.mails == []
