"""People for practice whom nobody is: invented names, and addresses and numbers that reach nobody.

`example.org` is nobody's (RFC 2606); the numbers are those that the Bundesnetzagentur keeps free for films.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from services.booking.domain.office import Member

_NAMES = (
    ("Ahmadi", "Reza"), ("Al-Hassan", "Amira"), ("Berisha", "Arben"), ("Bondarenko", "Oksana"), ("Çelik", "Emre"),
    ("Diallo", "Aminata"), ("Esposito", "Chiara"), ("Fernández", "Lucía"), ("Gashi", "Vjosa"), ("Haddad", "Omar"),
    ("Ionescu", "Andrei"), ("Jovanović", "Milica"), ("Kaya", "Elif"), ("Khalil", "Nour"), ("Kovač", "Ivan"),
    ("Lim", "Hana"), ("Moroz", "Taras"), ("Nguyen", "Linh"), ("Öztürk", "Deniz"), ("Patel", "Anjali"),
    ("Quispe", "Rosa"), ("Rahimi", "Zahra"), ("Singh", "Arjun"), ("Tran", "Minh"), ("Ünal", "Selin"),
    ("Vukić", "Ana"), ("Williams", "Grace"), ("Xhaka", "Luan"), ("Yilmaz", "Can"), ("Zeqiri", "Blerta"),
)  # fmt: skip
_LANGUAGES = ("de", "de", "en", "tr", "uk", "ar", "sq", "fa", "hr", "ro", "ru", "it")
_PERSONS = ((1, 60), (2, 18), (3, 12), (4, 10))
_NEEDS = ("wheelchair", "interpreter", "seat", "hearing")
_FREE_NUMBERS = 1000


@dataclass(frozen=True, slots=True)
class Invented:
    """`members` are the lead person and who comes along. Most have an address, some only a telephone."""

    family_name: str = field(repr=False)
    given_name: str = field(repr=False)
    members: tuple[Member, ...]
    language: str
    email: str | None
    phone: str | None
    needs: tuple[str, ...]


def somebody(random: Random, *, homes: Sequence[str], most: int) -> Invented:
    """At most `most` persons, who live in one of `homes` (AGS)."""
    family_name, given_name = random.choice(_NAMES)
    persons = min(most, random.choices(*zip(*_PERSONS, strict=True))[0])
    home, small = random.choice(homes), random.random() < 0.4
    reached = random.random()
    return Invented(
        family_name=family_name,
        given_name=given_name,
        members=tuple(Member(home, under_6=place > 1 and small) for place in range(persons)),
        language=random.choice(_LANGUAGES),
        email=f"uebung-{random.randrange(10**6):06d}@example.org" if reached < 0.75 else None,
        phone=f"+493023125{random.randrange(_FREE_NUMBERS):03d}" if reached > 0.5 else None,
        needs=(random.choice(_NEEDS),) if random.random() < 0.1 else (),
    )
