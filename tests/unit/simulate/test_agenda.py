from datetime import UTC, datetime, timedelta

from deploy.local.simulate.agenda import Agenda

_START = datetime(2026, 9, 28, 8, 0, tzinfo=UTC)


def test_acts_come_at_whole_seconds_and_never_before_their_moment() -> None:
    agenda, seen = Agenda(_START), list[datetime]()
    for milliseconds in (1400, 1000, 400, -5000):
        agenda.at(_START + timedelta(milliseconds=milliseconds), seen.append)

    agenda.play(_START + timedelta(minutes=1))

    assert seen == [_START + timedelta(seconds=n) for n in (0, 1, 1, 2)]


def test_whoever_waits_for_a_server_that_comes_back_in_half_a_second_looks_twice() -> None:
    agenda, looked = Agenda(_START), list[datetime]()
    back = _START + timedelta(milliseconds=500)

    def look(now: datetime) -> None:
        looked.append(now)
        assert len(looked) < 3, "the same moment again and again"
        if now < back:
            agenda.at(back, look)

    agenda.at(_START, look)
    agenda.play(_START + timedelta(minutes=1))

    assert looked == [_START, _START + timedelta(seconds=1)]
