"""What a proof plans, and the table that it makes of the matrix."""

from datetime import UTC, datetime

from tests.prove.matrix import rows
from tests.prove.report import lines, summary
from tests.prove.run import Outcome, Plan, plan_for
from tests.unit.prove.story import a_whole_story


def a_plan(*, seed: int = 1, only: tuple[int, ...] = ()) -> Plan:
    return plan_for(rows(), seed=seed, minutes=10, rate=5, only=only)


def test_a_seed_draws_the_same_order_again_and_another_a_different_one() -> None:
    order = [fault.row for fault in a_plan(seed=7).timed]

    assert order == [fault.row for fault in a_plan(seed=7).timed]
    assert order != [fault.row for fault in a_plan(seed=8).timed]


def test_each_made_row_is_planned_once_without_replacement() -> None:
    plan = a_plan()
    planned = [fault.row for fault in (*plan.probes, *plan.timed)]

    assert sorted(planned) == [fault.row for fault in rows()]


def test_chosen_rows_are_planned_alone() -> None:
    plan = a_plan(only=(1, 16, 27))

    assert [fault.row for fault in plan.timed] == [1]
    assert [fault.row for fault in plan.probes] == [16, 27]


def test_every_row_stands_in_the_table_with_the_reason_where_it_did_not_strike() -> None:
    evidence = a_whole_story().evidence()
    outcome = Outcome(
        plan=a_plan(),
        began=datetime.now(UTC),
        seconds=600.0,
        evidence=evidence,
        violations=[],
        missed=[],
        exits=[],
    )

    table = lines(outcome)

    assert [line.fault.row for line in table] == [fault.row for fault in rows()]
    assert all(line.struck or line.why for line in table)
    assert "no violation" in summary(outcome)
