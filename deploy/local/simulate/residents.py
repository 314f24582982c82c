"""The people of the district as far as an office notices them: where they live, what they speak, who comes along.

All invented. Sizes of the municipalities: Destatis, 31 December 2019; the mix of nationalities: figures of
Baden-Württemberg of 2023, without EU citizens, who need no title. Surnames only lead to a desk and are stored
nowhere.
"""

from dataclasses import dataclass
from random import Random

from services.booking.domain.office import Member, Office

_INHABITANTS = {
    "08417002": 34332, "08417008": 9467, "08417010": 3665, "08417013": 12206, "08417014": 443, "08417015": 1112,
    "08417016": 1873, "08417022": 5903, "08417023": 2230, "08417025": 10735, "08417029": 486, "08417031": 19259,
    "08417036": 1350, "08417044": 10671, "08417045": 1850, "08417047": 1445, "08417051": 5242, "08417052": 762,
    "08417054": 6332, "08417057": 4687, "08417063": 2462, "08417071": 589, "08417075": 6324, "08417078": 473,
    "08417079": 45465,
}  # fmt: skip
_USUAL_INHABITANTS = 3000
# Of those who ask, so many live where another authority is responsible.
_OUT_OF_AREA = 0.03
# How many come along: most come alone, some with the family.
_PERSONS = ((1, 62), (2, 14), (3, 9), (4, 8), (5, 5), (6, 2))
_WANTS_SMS = 0.35


@dataclass(frozen=True, slots=True)
class Group:
    """Share of the residents, languages with their shares, and surnames as they begin."""

    share: int
    languages: tuple[tuple[str, int], ...]
    names: tuple[str, ...]


_GROUPS = (
    Group(25, (("tr", 50), ("de", 45), ("en", 5)), ("Aydin", "Celik", "Demir", "Kaya", "Öztürk", "Yilmaz")),
    Group(19, (("uk", 60), ("ru", 25), ("de", 10), ("en", 5)), ("Bondar", "Kovalenko", "Moroz", "Tkachenko")),
    Group(14, (("ar", 65), ("de", 25), ("en", 10)), ("Al-Hassan", "Haddad", "Ibrahim", "Khalil", "Saleh")),
    Group(12, (("sq", 55), ("de", 45)), ("Berisha", "Gashi", "Hoxha", "Krasniqi", "Morina", "Zeqiri")),
    Group(9, (("hr", 60), ("de", 40)), ("Horvat", "Jovanovic", "Kovac", "Nikolic", "Petrovic", "Vukovic")),
    Group(7, (("fa", 65), ("de", 25), ("en", 10)), ("Ahmadi", "Hosseini", "Karimi", "Rahimi", "Noori")),
    Group(5, (("ar", 60), ("en", 20), ("de", 20)), ("Ali", "Jassim", "Omar", "Rashid")),
    Group(5, (("en", 85), ("de", 15)), ("Gupta", "Kumar", "Patel", "Sharma", "Singh")),
    Group(4, (("en", 70), ("de", 30)), ("Chen", "Diallo", "Johnson", "Nguyen", "Tran", "Williams")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody who needs the office; `members` are the lead person and who comes along."""

    number: int
    family_name: str
    language: str
    members: tuple[Member, ...]
    sms: bool
    bot: bool = False


class Residents:
    def __init__(self, office: Office, *, number: int, random: Random) -> None:
        self._number = number
        self._random = random
        here = {m.ags: office.responsibility(m.ags).here for m in office.data.municipalities}
        self._near = [ags for ags, own in here.items() if own]
        self._far = [ags for ags, own in here.items() if not own]

    def somebody(self) -> Resident:
        random = self._random
        group = random.choices(_GROUPS, [g.share for g in _GROUPS])[0]
        far = self._far and random.random() < _OUT_OF_AREA
        home = self._home(self._far if far else self._near)
        return Resident(
            number=random.randrange(self._number),
            family_name=random.choice(group.names),
            language=random.choices(*zip(*group.languages, strict=True))[0],
            members=self._household(home),
            sms=random.random() < _WANTS_SMS,
        )

    def bot(self) -> Resident:
        """Who books to sell: any name, and any place that is served."""
        person = self.somebody()
        home = (Member(self._home(self._near)),)
        return Resident(-1 - person.number, person.family_name, "de", home, sms=False, bot=True)

    def _home(self, places: list[str]) -> str:
        weights = [_INHABITANTS.get(ags, _USUAL_INHABITANTS) for ags in places]
        return self._random.choices(places, weights)[0]

    def _household(self, home: str) -> tuple[Member, ...]:
        persons = self._random.choices(*zip(*_PERSONS, strict=True))[0]
        small = [False, *(persons > 2 and self._random.random() < 0.35 for _ in range(persons - 1))]
        return tuple(Member(home, under_6) for under_6 in small)
