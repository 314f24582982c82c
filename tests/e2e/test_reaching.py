"""People are reached through real services: by SMS alone, by the same message once more, by an invitation."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.stack import Stack
from tests.citizen import OFFICE, Mailbox, link_in
from tests.e2e.conftest import NewCitizen
from tests.staff import staff_token
from tests.waiting import eventually


def an_sms(stack: Stack, number: str, saying: str) -> str:
    """The newest text to `number` in which `saying` is found."""

    def found() -> str | None:
        lines = stack.sms_file.read_text().splitlines() if stack.sms_file.exists() else []
        texts = [message["text"] for message in map(json.loads, lines) if message["to"] == number]
        return next((text for text in reversed(texts) if re.search(saying, text)), None)

    return eventually(found, within=20, what=f"an SMS with {saying!r}")


def test_a_mobile_number_alone_books_by_the_code_of_an_sms(stack: Stack, a_citizen: NewCitizen) -> None:
    citizen = a_citizen()
    number = f"+49151{uuid4().int % 10**8:08d}"
    citizen.hold_any()

    contact = {"phone": number, "sms_consent": True, "language": "de"}
    asked = citizen.http.put(f"{citizen.path}/contact", json=contact, headers=citizen.authorization)
    assert asked.json()["status"] == "requested", asked.text
    code = re.search(r"\b(\d{6})\b", an_sms(stack, number, r"Code"))
    assert code
    citizen.http.post(f"{citizen.path}/confirm", json={"secret": code[1]}).raise_for_status()

    assert citizen.look()["status"] == "confirmed"
    an_sms(stack, number, r"/manage/")


def test_a_message_comes_once_more_and_is_listed(stack: Stack, a_citizen: NewCitizen) -> None:
    citizen = a_citizen()
    citizen.book()
    citizen.mails(at_least=2)
    with _staff(stack) as staff:
        path = f"/v1/staff/appointments/{citizen.booked['id']}/messages"
        key = {"Idempotency-Key": str(uuid4())}
        for _ in range(2):
            staff.post(path, json={"purpose": "confirmation", "reason": "lost"}, headers=key).raise_for_status()

        assert str(citizen.mails(at_least=3)[2]["Subject"]) == str(citizen.mails(at_least=2)[1]["Subject"])

        def sent() -> list[dict[str, Any]] | None:
            found = staff.get(path).json()["messages"]
            done = [one for one in found if one["status"] == "sent"]
            return done if len(done) >= 3 else None

        listed = eventually(sent, within=20, what="three messages that were sent")
    assert [one["purpose"] for one in listed] == ["confirm_request", "confirmation", "confirmation"]


def test_an_invitation_comes_by_mail(stack: Stack) -> None:
    address = f"invited-{uuid4().hex[:8]}@example.org"
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    with _staff(stack) as staff:
        wanted = {"service": "settlement", "expires_at": until, "email": address}
        made = staff.post(f"/v1/staff/offices/{OFFICE}/invitations", json=wanted).json()
    mailbox = Mailbox(stack.mail.maildir)
    mail = eventually(lambda: next(iter(mailbox.to(address)), None), within=20, what="the invitation")

    link = httpx.URL(link_in(mail, "invitation"))

    assert link.params["token"] == made["token"]
    assert httpx.get(link).status_code == 200


def _staff(stack: Stack) -> httpx.Client:
    url = stack["booking"].url
    token = staff_token(url, {"AMTSTERMIN_SECRETS_DIR": str(stack.secrets)})
    return httpx.Client(base_url=url, timeout=30, headers={"Authorization": f"Bearer {token}"})
