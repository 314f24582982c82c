"""What people do while a process dies, one story for each way to come to a crash point."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from deploy.local.reading import text_of
from shared import parking
from shared.crashpoints import CrashPoint as At
from tests.citizen import link_in
from tests.e2e.crash_walk import REFUSED, Walk, tried
from tests.ledger import put_on_queue
from tests.waiting import eventually

Story = Callable[[Walk], None]

ASKED = ("held", "requested", "confirmation_sent")
BOOKED = (*ASKED, "confirmed")


@dataclass(frozen=True)
class Case:
    """`service` dies at `at`, when it comes there for the `nth` time in `story`."""

    at: At
    service: str
    story: Story
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.at}:{self.nth}-{self.service}-{self.story.__name__}"


def holds(walk: Walk) -> None:
    """Who got no answer asks again with the same key, and has one appointment."""
    person = walk.citizen()
    time = walk.place.times.pop()
    with walk.death():
        answer = tried(lambda: person.hold(time))
        assert answer is None
    taken = {"starts_at": datetime.fromisoformat(time)}
    stored = walk.place.books.appointments.count_documents(taken)
    assert stored == (walk.point is At.BOOKING_AFTER_INSERT)
    assert person.hold(time).status_code == 201
    assert walk.place.books.appointments.count_documents(taken) == 1
    walk.ends(person, "held")


def holds_and_that_is_all(walk: Walk) -> None:
    """One event, and no later one that would make good what this one lacks."""
    person = walk.citizen()
    with walk.death():
        assert person.hold(walk.place.times.pop()).status_code == 201
    walk.ends(person, "held")


def asks(walk: Walk) -> None:
    person = walk.holder()
    with walk.death():
        answer = tried(person.request)
    assert answer in (None, 200)
    stored = person.look()["status"]
    assert stored == "requested" or (answer is None and walk.point is At.BOOKING_BEFORE_APPLY)
    assert person.request().status_code == 200
    walk.ends(person, *ASKED, confirm_request="sent")


def confirms(walk: Walk) -> None:
    person = walk.asker()
    with walk.death():
        answer = tried(lambda: person.confirm_by_link(person.mails()[0]))
    assert answer in (None, 200)
    assert person.confirm_by_link(person.mails()[0]).status_code == 200
    walk.ends(person, *BOOKED, confirm_request="sent", confirmation="sent")


def confirms_with_sms(walk: Walk) -> None:
    person = walk.asker(phone="+4915112345678", sms_consent=True)
    with walk.death():
        assert person.confirm_by_link(person.mails()[0]).status_code == 200
    walk.ends(person, *BOOKED, confirm_request="sent", confirmation="sent")
    texts = walk.place.books.deliveries.find({"appointment": person.booked["id"], "channel": "sms"})
    assert [text["status"] for text in texts] == ["sent"]


def confirms_by_code(walk: Walk) -> None:
    """The death costs one of the tries, never the appointment."""
    person = walk.asker()
    found = re.search(r"\b\d{6}\b", text_of(person.mails()[0]))
    assert found

    def confirm() -> int | None:
        return tried(lambda: person.http.post(f"{person.path}/confirm", json={"secret": found.group()}))

    with walk.death():
        assert confirm() is None
    assert person.look()["status"] == "requested"
    assert confirm() == 200
    walk.ends(person, *BOOKED, confirm_request="sent", confirmation="sent")


def moves(walk: Walk) -> None:
    person = walk.booker()
    wanted = {"starts_at": walk.place.times.pop()}

    def move() -> int | None:
        return tried(
            lambda: person.http.post(f"{person.path}/reschedule", json=wanted, headers=person.authorization)
        )

    with walk.death():
        answer = move()
    assert answer in (None, 200)
    assert move() == 200
    walk.ends(person, *BOOKED, "rescheduled", confirm_request="sent", confirmation="sent", rescheduled="sent")


def cancels(walk: Walk) -> None:
    person = walk.booker()
    with walk.death():
        answer = tried(person.cancel)
    assert answer in (None, 200)
    assert person.cancel().status_code == 200
    walk.ends(person, *BOOKED, "cancelled", confirm_request="sent", confirmation="sent", cancellation="sent")


def wants_the_link(walk: Walk) -> None:
    person = walk.booker()
    with walk.death():
        assert tried(lambda: person.http.post("/v1/links", json={"email": person.email})) == 202
    walk.ends(person, *BOOKED, confirm_request="sent", confirmation="sent", link="sent")


def wants_a_link_to_book_with(walk: Walk) -> None:
    person = walk.citizen()
    wish = {"office": "zollernalbkreis", "email": person.email}
    with walk.death():
        assert tried(lambda: person.http.post("/v1/proof/mail", json=wish)) == 202
    walk.place.wait_until_whole()
    (mail,) = person.mails()
    assert person.http.get(httpx.URL(link_in(mail, "entry")).raw_path.decode()).status_code == 200


def lets_two_holds_run_out(walk: Walk) -> None:
    people = [walk.holder(), walk.holder()]
    with walk.death():
        for person in people:
            walk.time_is_over(person, "expires_at")
    for person in people:
        walk.ends(person, "held", "expired")


def waits_for_a_cancelled_time(walk: Walk) -> None:
    person, next_one = walk.citizen(), walk.citizen()
    time = walk.place.times.pop()
    assert person.hold(time).status_code == 201
    assert person.cancel().status_code == 200
    with walk.death():
        walk.time_is_over(person, "cooling.0.release_at")
    walk.ends(person, "held", "cancelled")
    assert (
        walk.place.books.appointments.count_documents({"_id": person.booked["id"], "cells": {"$exists": True}})
        == 0
    )
    assert next_one.hold(time).status_code == 201
    walk.ends(next_one, "held")


def searches(walk: Walk) -> None:
    person = walk.citizen()
    with walk.death():
        person.free_times()
    walk.place.wait_until_whole()


def asks_while_the_broker_is_frozen(walk: Walk) -> None:
    """What is written cannot be published before booking is killed; the next one dies with the lease to sweep."""
    person = walk.holder()
    walk.place.wait_until_stored_is_whole()
    walk.stack.rabbitmq.freeze()
    try:
        assert person.request().status_code == 200
        walk.stack["booking"].kill()
    finally:
        walk.stack.rabbitmq.thaw()
    walk.end_leases()
    with walk.death(while_starting=True):
        pass
    walk.ends(person, *ASKED, confirm_request="sent")


def office_changes_before_booking_starts(walk: Walk) -> None:
    change_phone(walk)
    with walk.death(while_starting=True):
        pass
    walk.place.wait_until_whole()


def office_changes_while_others_run(walk: Walk) -> None:
    change_phone(walk)
    with walk.death():
        walk.stack["booking"].restart()
    walk.place.wait_until_whole()


def change_phone(walk: Walk) -> None:
    for file in walk.place.offices.glob("*.toml"):
        file.write_text(re.sub(r'^(phone = ".*)"$', r'\g<1>1"', file.read_text(), flags=re.MULTILINE))


def asks_while_a_rule_of_the_database_refuses(walk: Walk) -> None:
    """The handler fails, the message goes to the first retry queue, and the process dies."""
    walk.asker()  # the rule is one of a collection, which somebody must have made
    person = walk.holder()
    database = walk.place.books.client["notification"]
    with walk.death() as doomed:
        database.command("collMod", "appointments", validator={"never": {"$exists": True}})
        assert person.request().status_code == 200
        eventually(lambda: not doomed.running, what="it dies")
        database.command("collMod", "appointments", validator={})
    walk.ends(person, *ASKED, confirm_request="sent")


def nobody_can_read_a_message(walk: Walk) -> None:
    """It is parked, once more where the death came after that; an operator looks and throws it away."""
    queue, url = f"{walk.service}.appointments", walk.stack.secret("operator_amqp_url")
    with walk.death():
        asyncio.run(put_on_queue(walk.stack, queue, b"no JSON"))
    times = 2 if walk.point is At.CONSUMER_AFTER_PARKING else 1
    eventually(lambda: asyncio.run(parking.count(url=url, queues=[queue]))[queue] == times, what="it is parked")
    asyncio.run(parking.discard(url=url, queue=queue, ids=(), done=lambda _: None))
    walk.place.wait_until_whole()


def moves_to_a_second_booking(walk: Walk) -> None:
    """One write for two appointments: the first is cancelled and the second confirmed, and both are told."""
    first, second = walk.booker(), walk.citizen()
    second.email = first.email
    assert second.hold(walk.place.times.pop()).status_code == 201
    assert second.request().status_code == 200
    asking = second.mails(at_least=3)[-1]
    wanted = {"secret": httpx.URL(link_in(asking, "confirm")).params["secret"], "instead": "move"}

    def move() -> int | None:
        return tried(lambda: second.http.post(f"{second.path}/confirm", json=wanted))

    with walk.death():
        assert move() is None
    assert move() == 200
    walk.ends(first, *BOOKED, "cancelled", confirm_request="sent", confirmation="sent", cancellation="sent")
    walk.ends(second, *BOOKED, confirm_request="sent", confirmation="sent")


def is_erased(walk: Walk) -> None:
    """Neither key nor ciphertext is left, whenever the process dies."""
    person = walk.booker()
    id, client = person.booked["id"], walk.place.books.client
    known = client["notification"]["contacts"]
    if walk.service == "notification":
        # Sent before the process is armed: whether a mail went out that it dies over, nobody could tell.
        walk.place.wait_until_stored_is_whole()
        assert person.cancel().status_code == 200
        walk.place.wait_until_stored_is_whole()

    def erase() -> httpx.Response:
        return person.http.delete(f"{person.path}?cancel=true", headers=person.authorization)

    # The farewell is planned within the erasure: taken over just then, nobody could tell that it was.
    walk.place.mail.away = walk.service == "notification"
    try:
        with walk.death():
            answer = tried(erase)
    finally:
        walk.place.mail.away = False
    assert answer in (None, 204)
    assert erase().status_code == 204
    eventually(lambda: "data" not in (known.find_one({"_id": id}) or {"data": "?"}), what="notification forgets")
    # The mail that says so may have been quicker than the word that nobody is to be written to.
    ended = ("sent", "superseded")
    last = eventually(
        lambda: state if (state := walk.place.books.deliveries_of(id).get("cancellation")) in ended else None,
        what="the mail that says so is settled",
    )
    sent = {"confirm_request": "sent", "confirmation": "sent", "cancellation": last, "erased": "sent"}
    walk.ends(person, *BOOKED, "cancelled", "anonymised", **sent)
    assert client["notification_keys"]["keys"].find_one({"_id": id}) == {"_id": id, "erased": True}
    eventually(lambda: not client["booking_keys"]["keys"].count_documents({"_id": id}), what="the key is gone")
    eventually(
        lambda: "key_left" not in (walk.place.books.appointments.find_one({"_id": id}) or {}),
        what="the appointment says so",
    )


def asks_while_the_mail_server_is_away(walk: Walk) -> None:
    """The mail is put off, so that it must be claimed anew."""
    person = walk.holder()
    walk.place.wait_until_stored_is_whole()
    walk.place.mail.away = True
    try:
        assert person.request().status_code == 200
        put_off = {"appointment": person.booked["id"], "late_since": {"$exists": True}}
        eventually(lambda: walk.place.books.deliveries.count_documents(put_off), what="it is put off")
        with walk.death(while_starting=True):
            pass
    finally:
        walk.place.mail.away = False
    walk.ends(person, *ASKED, confirm_request="sent")


def gives_an_address_that_is_refused(walk: Walk) -> None:
    people = [walk.holder(), walk.holder()]
    with walk.death():
        for person in people:
            assert person.request(email=f"{REFUSED}{person.email}").status_code == 200
    for person in people:
        walk.ends(person, *ASKED, confirm_request="failed")
        told = walk.place.books.deliveries.find_one({"appointment": person.booked["id"]}) or {}
        assert [event["type"] for event in told["history"]] == [
            "notification.failed.v1",
            "notification.undeliverable.v1",
        ]


CASES = (
    Case(At.BOOKING_AFTER_KEY, "booking", holds),
    Case(At.BOOKING_BEFORE_INSERT, "booking", holds),
    Case(At.BOOKING_AFTER_INSERT, "booking", holds),
    Case(At.BOOKING_BEFORE_APPLY, "booking", asks),
    Case(At.BOOKING_AFTER_APPLY, "booking", asks),
    Case(At.BOOKING_AFTER_APPLY, "booking", asks, nth=2),
    Case(At.BOOKING_AFTER_APPLY, "booking", confirms),
    Case(At.BOOKING_AFTER_APPLY, "booking", moves),
    Case(At.BOOKING_AFTER_APPLY, "booking", cancels),
    Case(At.BOOKING_AFTER_APPLY, "booking", lets_two_holds_run_out),
    Case(At.BOOKING_AFTER_TOGETHER, "booking", moves_to_a_second_booking),
    Case(At.BOOKING_AFTER_LINK, "booking", wants_the_link),
    Case(At.BOOKING_AFTER_CODE_TRY, "booking", confirms_by_code),
    Case(At.BOOKING_AFTER_RELEASE, "booking", waits_for_a_cancelled_time),
    Case(At.BOOKING_AFTER_SETTLE, "booking", lets_two_holds_run_out),
    Case(At.BOOKING_AFTER_ERASURE_CANCELLED, "booking", is_erased),
    Case(At.BOOKING_AFTER_ANONYMISED, "booking", is_erased),
    Case(At.BOOKING_AFTER_KEY_DESTROYED, "booking", is_erased),
    Case(At.BOOKING_AFTER_ENTRY, "booking", wants_a_link_to_book_with),
    Case(At.BOOKING_AFTER_OFFICE, "booking", office_changes_before_booking_starts),
    Case(At.BOOKING_AFTER_DEMAND, "booking", searches),
    Case(At.RELAY_BEFORE_PUBLISH, "booking", asks),
    Case(At.RELAY_BEFORE_PUBLISH, "notification", asks),
    Case(At.RELAY_AFTER_CONFIRM, "booking", asks),
    Case(At.RELAY_AFTER_CONFIRM, "notification", asks),
    Case(At.RELAY_AFTER_PULL, "booking", asks),
    Case(At.RELAY_AFTER_PULL, "notification", asks),
    Case(At.RELAY_AFTER_LEASE, "booking", asks_while_the_broker_is_frozen),
    Case(At.CONSUMER_BEFORE_HANDLER, "booking", asks),
    Case(At.CONSUMER_BEFORE_HANDLER, "notification", asks),
    Case(At.CONSUMER_BEFORE_HANDLER, "reporting", holds_and_that_is_all),
    Case(At.CONSUMER_AFTER_HANDLER, "booking", asks),
    Case(At.CONSUMER_AFTER_HANDLER, "notification", asks),
    Case(At.CONSUMER_AFTER_HANDLER, "reporting", holds_and_that_is_all),
    Case(At.CONSUMER_BEFORE_REPUBLISH, "notification", asks_while_a_rule_of_the_database_refuses),
    Case(At.CONSUMER_BEFORE_REPUBLISH, "reporting", nobody_can_read_a_message),
    Case(At.CONSUMER_AFTER_RETRY, "notification", asks_while_a_rule_of_the_database_refuses),
    Case(At.CONSUMER_AFTER_PARKING, "reporting", nobody_can_read_a_message),
    Case(At.NOTIFICATION_AFTER_REMINDER, "notification", confirms),
    Case(At.NOTIFICATION_AFTER_RECONSIDERED, "notification", cancels),
    Case(At.NOTIFICATION_AFTER_STATE, "notification", asks),
    Case(At.NOTIFICATION_AFTER_PLAN, "notification", asks),
    Case(At.NOTIFICATION_AFTER_CONTACT, "notification", asks),
    Case(At.NOTIFICATION_AFTER_LINK_CONTACT, "notification", wants_the_link),
    Case(At.NOTIFICATION_AFTER_FAREWELL, "notification", is_erased),
    Case(At.NOTIFICATION_AFTER_KEY_ERASED, "notification", is_erased),
    Case(At.NOTIFICATION_AFTER_ENTRY, "notification", wants_a_link_to_book_with),
    Case(At.NOTIFICATION_AFTER_OFFICE, "notification", office_changes_while_others_run),
    Case(At.NOTIFICATION_AFTER_CLAIM, "notification", asks_while_the_mail_server_is_away),
    Case(At.NOTIFICATION_AFTER_SMS_PLAN, "notification", confirms_with_sms),
    Case(At.NOTIFICATION_BEFORE_HAND_OVER, "notification", asks),
    Case(At.NOTIFICATION_AFTER_HAND_OVER, "notification", asks),
    Case(At.NOTIFICATION_AFTER_HAND_OVER, "notification", confirms_with_sms, nth=2),
    Case(At.NOTIFICATION_AFTER_RECORD, "notification", asks),
    Case(At.NOTIFICATION_AFTER_UNDELIVERABLE, "notification", gives_an_address_that_is_refused),
    Case(At.NOTIFICATION_BEFORE_SETTLE, "notification", gives_an_address_that_is_refused),
    Case(At.NOTIFICATION_AFTER_SETTLE, "notification", gives_an_address_that_is_refused),
    Case(At.REPORTING_AFTER_FACT, "reporting", holds_and_that_is_all),
    Case(At.REPORTING_AFTER_MARKS, "reporting", holds_and_that_is_all),
    Case(At.REPORTING_AFTER_FIGURES, "reporting", holds_and_that_is_all),
    Case(At.REPORTING_AFTER_CLEAR, "reporting", holds_and_that_is_all),
)
