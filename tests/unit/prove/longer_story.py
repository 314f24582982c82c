"""What the office does, and the waiting list, as further turns of a story."""

from datetime import datetime, timedelta

from tests.prove.history import Action
from tests.unit.prove.story import LANE, LATER, MINUTES, TEAM, VISIT, Story, appointment_id, cells


class LongerStory(Story):
    def restores(self, key: str) -> str:
        self.owns(appointment_id(key), cells(self.appointments[appointment_id(key)]["starts_at"]))
        return self.step_and_tell(key, "restored", "confirmation")

    def is_cancelled_by_the_office(self, key: str) -> str:
        self.owns(appointment_id(key), [])
        return self.step_and_tell(key, "office_cancelled", "office_cancellation", by="staff")

    def is_moved_by_the_office(self, key: str, to: datetime = LATER) -> str:
        id = appointment_id(key)
        self.takes_time(id, to)
        return self.step_and_tell(key, "rescheduled", "rescheduled", by="staff")

    def joins_the_waiting_list(self, key: str) -> str:
        """For an earlier time than the confirmed one."""
        self.appointments[appointment_id(key)]["wish"] = {}
        return self.step_and_tell(key, "joined_waiting_list", "waiting")

    def waits_for_a_time(self, key: str) -> str:
        """Has none yet; the address is proven."""
        document = self.appointments[self.holds(key)]
        document |= {"lane": "", "ends_at": document["starts_at"], "wish": {}}
        self.owns(document["_id"], [])
        self.gives_contact(key)
        self.asks(Action.CONFIRM, key, "confirm")
        document["status"] = "waiting"
        return self.step_and_tell(key, "joined_waiting_list", "waiting")

    def accepts(self, key: str) -> str:
        """What is offered to somebody without a time."""
        document = self.appointments[appointment_id(key)]
        offer = document.pop("offer")
        document |= {name: offer[name] for name in ("lane", "starts_at", "ends_at")}
        del document["expires_at"], document["wish"]
        self.owns(document["_id"], cells(offer["starts_at"]))
        return self.step_and_tell(key, "confirmed", "confirmation")

    def is_offered(self, key: str, starts_at: datetime = LATER) -> str:
        document = self.appointments[appointment_id(key)]
        offer = {"team": TEAM, "lane": LANE, "starts_at": starts_at}
        document["offer"] = {
            **offer,
            "ends_at": starts_at + timedelta(minutes=MINUTES),
            "expires_at": self.now + timedelta(hours=6),
        }
        self.owns(document["_id"], [*document["cells"], *cells(starts_at)])
        return self.step_and_tell(key, "offered", "offer", by="system")

    def loses_the_offer(self, key: str, *, by: str = "system") -> str | None:
        """Whoever declines gets no mail."""
        document = self.appointments[appointment_id(key)]
        self.owns(document["_id"], cells(document["starts_at"]) if document["lane"] else [])
        del document["offer"]
        if by == "system":
            return self.step_and_tell(key, "offer_ended", "offer_expired", by=by)
        self.step(document["_id"], "offer_ended", by=by)
        return None


def a_confirmed_story(*, sms: bool = False) -> LongerStory:
    """Anna's appointment is confirmed."""
    story = LongerStory()
    story.holds("anna", starts_at=VISIT)
    story.gives_contact("anna", sms=sms)
    story.confirms("anna")
    return story
