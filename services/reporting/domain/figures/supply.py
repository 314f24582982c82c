"""What the office offers: times to book, and desk minutes planned, booked and used."""

from services.reporting.domain.figures.kinds import (
    EVERYWHERE,
    Figure,
    Group,
    Percentile,
    Ratio,
    Section,
    Unit,
)

_OF_TEAMS = (*EVERYWHERE, Group.TEAM)
_OF_SERVICES = (*EVERYWHERE, Group.SERVICE, Group.TEAM)

SUPPLY = (
    Figure(
        name="next_free_days_median",
        section=Section.SUPPLY,
        unit=Unit.DAYS,
        kind=Percentile("next_free_days", 50),
        groups=_OF_SERVICES,
        title={"de": "Tage bis zum nächsten freien Termin (Median)", "en": "Days to the next free time (median)"},
        definition={
            "de": "Kalendertage von heute bis zum ersten freien Termin, der online gebucht werden kann, für eine "
            "Person. Einmal je Stunde für jede Dienstleistung gemessen, die online offensteht; wo der "
            "Familienname den Schalter bestimmt, für jeden Buchstabenbereich einzeln. Median aller Messungen, bei "
            "denen etwas frei war. Tag der Messung.",
            "en": "Calendar days from today to the first free time that can be booked online, for one person. "
            "Measured once an hour for each service that is open online; where the family name decides the desk, "
            "for each range of names by itself. Median by nearest rank over all measurements that found something "
            "free. Day of the measurement.",
        },
    ),
    Figure(
        name="next_free_days_p90",
        section=Section.SUPPLY,
        unit=Unit.DAYS,
        kind=Percentile("next_free_days", 90),
        groups=_OF_SERVICES,
        title={"de": "Tage bis zum nächsten freien Termin (90\u00a0%)", "en": "Days to the next free time (90%)"},
        definition={
            "de": "Wie der Median, für neun von zehn Messungen.",
            "en": "As the median, for nine in ten measurements (nearest rank).",
        },
    ),
    Figure(
        name="free_time_looks",
        section=Section.SUPPLY,
        groups=_OF_SERVICES,
        title={"de": "Messungen freier Termine", "en": "Measurements of free times"},
        definition={
            "de": "Wie oft nach dem nächsten freien Termin gesehen wurde. Tag der Messung.",
            "en": "How often the next free time was looked for. Day of the measurement.",
        },
    ),
    Figure(
        name="free_time_looks_in_vain",
        section=Section.SUPPLY,
        groups=_OF_SERVICES,
        title={"de": "Messungen ohne freien Termin", "en": "Measurements without a free time"},
        definition={
            "de": "Messungen, bei denen im ganzen Buchungszeitraum nichts frei war. Tag der Messung.",
            "en": "Measurements that found nothing free as far ahead as can be booked. Day of the measurement.",
        },
    ),
    Figure(
        name="nothing_free_share",
        section=Section.SUPPLY,
        unit=Unit.PERCENT,
        kind=Ratio(("free_time_looks_in_vain",), ("free_time_looks",)),
        groups=_OF_SERVICES,
        title={"de": "Anteil ohne freien Termin", "en": "Share without a free time"},
        definition={
            "de": "Messungen ohne freien Termin von allen Messungen.",
            "en": "Measurements without a free time, of all measurements.",
        },
    ),
    Figure(
        name="planned_minutes",
        section=Section.SUPPLY,
        unit=Unit.MINUTES,
        groups=_OF_TEAMS,
        title={"de": "Geplante Minuten", "en": "Planned minutes"},
        definition={
            "de": "Schalterminuten, in denen die Schalter geöffnet sind, ohne Schließungen, Feiertage und "
            "Abwesenheiten, wie zuletzt geplant; Kommendes zählt mit. Was geplant war, bleibt stehen, wenn der "
            "Tag vorbei ist. Geplanter Tag.",
            "en": "Desk minutes for which desks are open, without closures, public holidays and absences, as "
            "planned last; days ahead count as well. What was planned stays when the day is over. Day planned "
            "for.",
        },
    ),
    Figure(
        name="planned_online_minutes",
        section=Section.SUPPLY,
        unit=Unit.MINUTES,
        groups=_OF_TEAMS,
        title={"de": "Davon online angeboten", "en": "Offered online"},
        definition={
            "de": "Geplante Minuten, die Bürgerinnen und Bürger selbst buchen können, die für Kurzentschlossene "
            "und für Notfälle zurückgehaltenen eingeschlossen. Geplanter Tag.",
            "en": "Planned minutes that citizens can book themselves, those kept back for late comers and for "
            "emergencies included. Day planned for.",
        },
    ),
    Figure(
        name="booked_minutes",
        section=Section.SUPPLY,
        unit=Unit.MINUTES,
        title={"de": "Gebuchte Minuten", "en": "Booked minutes"},
        definition={
            "de": "Schalterminuten der gebuchten Termine, die nicht abgesagt sind. Tag des Termins.",
            "en": "Desk minutes of booked appointments that are not cancelled. Day of the appointment.",
        },
    ),
    Figure(
        name="used_minutes",
        section=Section.SUPPLY,
        unit=Unit.MINUTES,
        title={"de": "Genutzte Minuten", "en": "Used minutes"},
        definition={
            "de": "Minuten vom Beginn bis zum Abschluss der Bearbeitung, ohne Pausen, auch ohne Termin (mit "
            "Wartenummer). Tag des Besuchs.",
            "en": "Minutes from the start to the completion of service, without pauses, visits without an "
            "appointment (by ticket) included. Day of the visit.",
        },
    ),
    Figure(
        name="booked_share",
        section=Section.SUPPLY,
        unit=Unit.PERCENT,
        kind=Ratio(("booked_minutes",), ("planned_minutes",)),
        groups=_OF_TEAMS,
        title={"de": "Auslastung durch Buchungen", "en": "Booked of planned"},
        definition={
            "de": "Gebuchte von geplanten Minuten.",
            "en": "Booked minutes, of planned minutes.",
        },
    ),
    Figure(
        name="used_share",
        section=Section.SUPPLY,
        unit=Unit.PERCENT,
        kind=Ratio(("used_minutes",), ("planned_minutes",)),
        groups=_OF_TEAMS,
        title={"de": "Auslastung durch Besuche", "en": "Used of planned"},
        definition={
            "de": "Genutzte von geplanten Minuten.",
            "en": "Used minutes, of planned minutes.",
        },
    ),
)
