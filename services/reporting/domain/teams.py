"""No figures per caseworker: a team of fewer than three is shown together with others, to every reader."""

from collections.abc import Mapping

LEAST_STAFF = 3
# What stands in place of a team's id. No office names a team so: ids have no blank.
OTHER_TEAMS = "other teams"


def teams_shown(staff: Mapping[str, int]) -> frozenset[str]:
    """Of teams by id, with how many serve there (0: not told), those that may stand alone.

    The others are shown as one, of at least three people: else the total would tell of one or two. So the
    smallest of the larger teams goes with them where they are too few.
    """
    larger = sorted((n, team) for team, n in staff.items() if n >= LEAST_STAFF)
    together = sum(n for n in staff.values() if n < LEAST_STAFF)
    if len(larger) < len(staff):
        while larger and together < LEAST_STAFF:
            together += larger.pop(0)[0]
    return frozenset(team for _, team in larger)
