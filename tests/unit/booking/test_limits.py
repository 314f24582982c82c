"""The ladder from free through proofs to a refusal, and whom it must not harm."""

from datetime import UTC, datetime, timedelta

import pytest

from services.booking.domain.limits import RUNGS, Bucket, Free, Limit, Limits, Prove, Refuse, client_key, judge

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIMIT = Limit(free=10, most=40, per=timedelta(minutes=1))
QUIET = (Bucket(), LIMIT)


class Address:
    """One address that holds, and does each proof it is asked for."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.buckets = [Bucket() for _ in limits.holds]
        self.proofs: list[int] = []
        self.refused = 0

    def hold(self, now: datetime) -> Free | Prove | Refuse:
        verdict = judge(zip(self.buckets, self.limits.holds, strict=True), (Bucket(), self.limits.load), now=now)
        if isinstance(verdict, Refuse):
            self.refused += 1
            return verdict
        if isinstance(verdict, Prove):
            self.proofs.append(verdict.rung)
        self.buckets = [b.use(now, limit) for b, limit in zip(self.buckets, self.limits.holds, strict=True)]
        return verdict

    def hold_evenly(self, times: int, *, within: timedelta) -> "Address":
        for number in range(times):
            self.hold(NOON + within / times * number)
        return self


def filled(times: int, limit: Limit = LIMIT) -> Bucket:
    bucket = Bucket()
    for _ in range(times):
        bucket = bucket.use(NOON, limit)
    return bucket


def test_proofs_grow_from_rung_to_rung_before_refusal() -> None:
    verdicts = [judge([(filled(n), LIMIT)], QUIET, now=NOON) for n in range(41)]

    assert all(isinstance(v, Free) for v in verdicts[:10])
    rungs = [v.rung for v in verdicts[10:40] if isinstance(v, Prove)]
    assert len(rungs) == 30
    assert rungs == sorted(rungs)
    assert (rungs[0], rungs[-1]) == (1, RUNGS)
    assert isinstance(verdicts[40], Refuse)


def test_a_refusal_tells_when_it_ends_and_keeps_its_word() -> None:
    full = [(filled(40), LIMIT)]

    refusal = judge(full, QUIET, now=NOON)

    assert isinstance(refusal, Refuse)
    assert refusal.again_after == timedelta(seconds=6)
    assert isinstance(judge(full, QUIET, now=NOON + refusal.again_after - SECOND), Refuse)
    assert isinstance(judge(full, QUIET, now=NOON + refusal.again_after), Prove)


def test_who_waits_instead_of_proving_is_free_again() -> None:
    use = [(filled(15), LIMIT)]

    asked = judge(use, QUIET, now=NOON)

    assert isinstance(asked, Prove)
    assert isinstance(judge(use, QUIET, now=NOON + asked.free_after - SECOND), Prove)
    assert isinstance(judge(use, QUIET, now=NOON + asked.free_after), Free)


def test_load_of_the_service_asks_everybody_and_refuses_nobody() -> None:
    nobody = [(Bucket(), LIMIT)]
    asked = [judge(nobody, (filled(load), LIMIT), now=NOON) for load in (9, 10, 40, 4000)]

    assert isinstance(asked[0], Free)
    assert [v.rung for v in asked[1:] if isinstance(v, Prove)] == [1, RUNGS - 1, RUNGS - 1]


def test_own_use_and_load_add_up_to_the_hardest_proof() -> None:
    verdict = judge([(filled(25), LIMIT)], (filled(25), LIMIT), now=NOON)

    assert isinstance(verdict, Prove)
    assert verdict.rung == RUNGS


def test_a_clock_put_back_gives_nothing_and_takes_nothing() -> None:
    bucket = filled(10)

    assert bucket.level_at(NOON - timedelta(hours=1), LIMIT) == 10
    assert bucket.use(NOON - timedelta(hours=1), LIMIT).at == NOON


@pytest.mark.parametrize(
    ("whom", "times", "within"),
    [
        ("a family that tries ten times to get one", 10, timedelta(minutes=1)),
        ("a language class of 12 that books together", 12, timedelta(minutes=1)),
        ("a shelter of 200 of whom each books on one evening", 200, timedelta(hours=3)),
        ("a library on its busiest afternoon", 240, timedelta(hours=4)),
        ("a mobile network through which half of all books", 400, timedelta(hours=8)),
    ],
)
def test_ordinary_days_of_many_people_are_free(whom: str, times: int, within: timedelta) -> None:
    address = Address(Limits()).hold_evenly(times, within=within)

    assert (address.proofs, address.refused) == ([], 0), whom


def test_a_class_that_books_at_once_proves_little() -> None:
    address = Address(Limits()).hold_evenly(25, within=timedelta(seconds=1))

    assert address.refused == 0
    assert len(address.proofs) == 13
    assert set(address.proofs) == {1, 2}


def test_a_shelter_at_once_proves_and_is_not_refused() -> None:
    """All 200 within one hour after a letter: the worst that honest people do."""
    address = Address(Limits()).hold_evenly(200, within=timedelta(hours=1))

    assert address.refused == 0
    assert 100 < len(address.proofs) < 120


def test_a_hoarder_is_held_to_the_free_rate_and_works_for_it() -> None:
    address = Address(Limits()).hold_evenly(10_000, within=timedelta(hours=10))

    let_through = 10_000 - address.refused
    assert let_through <= 240 + 10 * 60
    assert address.proofs.count(RUNGS) > 0.8 * let_through


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_an_address_counts_by_itself_and_ipv6_by_its_64(address: str, key: str) -> None:
    assert client_key(address) == key
