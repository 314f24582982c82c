"""What is booked: from the first hold until the appointment, or until it is cancelled."""

from services.reporting.domain.figures.kinds import Figure, Percentile, Ratio, Section, Unit

HOLDS = (
    Figure(
        name="held",
        section=Section.BOOKINGS,
        title={"de": "Reserviert", "en": "Held"},
        definition={
            "de": "Termine, für die eine Zeit reserviert wurde, und neue Plätze auf der Warteliste ohne Zeit, "
            "auch wenn daraus keine Buchung wurde. Tag der Reservierung.",
            "en": "Appointments for which a time was taken, and new places on the waiting list without one, even "
            "where no booking came of it. Day of the hold.",
        },
    ),
    Figure(
        name="requested",
        section=Section.BOOKINGS,
        title={"de": "Angefragt", "en": "Requested"},
        definition={
            "de": "Eingaben von Kontaktdaten; wer sie berichtigt, zählt noch einmal. Tag der Eingabe.",
            "en": "Contact details that were given; whoever puts them right counts again. Day on which they were "
            "given.",
        },
    ),
    Figure(
        name="asked_to_confirm",
        section=Section.BOOKINGS,
        title={"de": "Zur Bestätigung aufgefordert", "en": "Asked to confirm"},
        definition={
            "de": "Termine und Plätze auf der Warteliste, für die Kontaktdaten eingegeben wurden, jeder einmal. "
            "Tag der ersten Eingabe.",
            "en": "Appointments and places on the waiting list for which contact details were given, each once. "
            "Day on which they were given first.",
        },
    ),
    Figure(
        name="confirmed_within_60",
        section=Section.BOOKINGS,
        title={"de": "Binnen 60 Minuten bestätigt", "en": "Confirmed within 60 minutes"},
        definition={
            "de": "Davon die, die höchstens 60 Minuten nach der ersten Eingabe bestätigt waren. Tag der ersten "
            "Eingabe.",
            "en": "Of those, the ones that were confirmed at most 60 minutes after they were given first. Day on "
            "which they were given first.",
        },
    ),
    Figure(
        name="confirmed_within_60_share",
        section=Section.BOOKINGS,
        unit=Unit.PERCENT,
        kind=Ratio(("confirmed_within_60",), ("asked_to_confirm",)),
        title={"de": "Anteil binnen 60 Minuten bestätigt", "en": "Share confirmed within 60 minutes"},
        definition={
            "de": "Binnen 60 Minuten bestätigte von allen, die zur Bestätigung aufgefordert wurden.",
            "en": "Confirmed within 60 minutes, of all that were asked to confirm.",
        },
    ),
    Figure(
        name="expired",
        section=Section.BOOKINGS,
        title={"de": "Verfallen", "en": "Expired"},
        definition={
            "de": "Reservierungen und Anfragen, die niemand rechtzeitig bestätigt hat, und Wartende, deren "
            "letzter passender Tag ohne Termin verging. Tag des Verfalls.",
            "en": "Holds and requests that nobody confirmed in time, and those who waited until their last "
            "suitable day was over. Day on which they ran out.",
        },
    ),
)
BOOKED = (
    Figure(
        name="confirmed",
        section=Section.BOOKINGS,
        title={"de": "Gebucht", "en": "Booked"},
        definition={
            "de": "Termine, die bestätigt und damit gebucht wurden, auch wenn sie später abgesagt wurden. "
            "Tag der Bestätigung.",
            "en": "Appointments that were confirmed and so booked, even where they were cancelled later. "
            "Day of the confirmation.",
        },
    ),
    Figure(
        name="booked_online",
        section=Section.BOOKINGS,
        title={"de": "Online gebucht", "en": "Booked online"},
        definition={
            "de": "Gebuchte Termine, die jemand selbst oder eine eingetragene Hilfsstelle im Internet gebucht "
            "hat. Tag der Bestätigung.",
            "en": "Booked appointments that the person, or a registered helper, booked on the web. Day of the "
            "confirmation.",
        },
    ),
    Figure(
        name="booked_by_phone",
        section=Section.BOOKINGS,
        title={"de": "Telefonisch gebucht", "en": "Booked by phone"},
        definition={
            "de": "Gebuchte Termine, die das Amt für jemanden am Telefon eingetragen hat. Tag der Bestätigung.",
            "en": "Booked appointments that staff entered for a caller. Day of the confirmation.",
        },
    ),
    Figure(
        name="booked_at_counter",
        section=Section.BOOKINGS,
        title={"de": "Am Schalter gebucht", "en": "Booked at the counter"},
        definition={
            "de": "Gebuchte Termine, die das Amt für jemanden vor Ort eingetragen hat, auch Folgetermine. Tag der "
            "Bestätigung.",
            "en": "Booked appointments that staff entered for somebody who was there, next visits included. Day "
            "of the confirmation.",
        },
    ),
    Figure(
        name="online_share",
        section=Section.BOOKINGS,
        unit=Unit.PERCENT,
        kind=Ratio(("booked_online",), ("confirmed",)),
        title={"de": "Anteil online", "en": "Share online"},
        definition={"de": "Online gebuchte von allen gebuchten Terminen.", "en": "Booked online, of all booked."},
    ),
    Figure(
        name="phone_share",
        section=Section.BOOKINGS,
        unit=Unit.PERCENT,
        kind=Ratio(("booked_by_phone",), ("confirmed",)),
        title={"de": "Anteil am Telefon", "en": "Share by phone"},
        definition={
            "de": "Telefonisch gebuchte von allen gebuchten Terminen.",
            "en": "Booked by phone, of all booked.",
        },
    ),
    Figure(
        name="counter_share",
        section=Section.BOOKINGS,
        unit=Unit.PERCENT,
        kind=Ratio(("booked_at_counter",), ("confirmed",)),
        title={"de": "Anteil am Schalter", "en": "Share at the counter"},
        definition={
            "de": "Am Schalter gebuchte von allen gebuchten Terminen.",
            "en": "Booked at the counter, of all booked.",
        },
    ),
    Figure(
        name="emergencies",
        section=Section.BOOKINGS,
        title={"de": "Notfalltermine", "en": "Emergency appointments"},
        definition={
            "de": "Gebuchte Termine für Dienstleistungen, für die eigene Zeiten freigehalten werden. Tag der "
            "Bestätigung.",
            "en": "Booked appointments for services that have times of their own kept for emergencies. Day of the "
            "confirmation.",
        },
    ),
    Figure(
        name="emergency_share",
        section=Section.BOOKINGS,
        unit=Unit.PERCENT,
        kind=Ratio(("emergencies",), ("confirmed",)),
        title={"de": "Anteil Notfalltermine", "en": "Share of emergencies"},
        definition={"de": "Notfalltermine von allen gebuchten Terminen.", "en": "Emergencies, of all booked."},
    ),
)
PERSONS = (
    Figure(
        name="persons",
        section=Section.BOOKINGS,
        title={"de": "Personen", "en": "Persons"},
        definition={
            "de": "Personen in den gebuchten Terminen, Kinder eingeschlossen. Tag der Bestätigung.",
            "en": "Persons in the booked appointments, children included. Day of the confirmation.",
        },
    ),
    Figure(
        name="persons_under_6",
        section=Section.BOOKINGS,
        title={"de": "Kinder unter 6", "en": "Children under 6"},
        definition={
            "de": "Kinder unter 6 Jahren in den gebuchten Terminen. Tag der Bestätigung.",
            "en": "Children under 6 in the booked appointments. Day of the confirmation.",
        },
    ),
    Figure(
        name="persons_per_appointment",
        section=Section.BOOKINGS,
        kind=Ratio(("persons",), ("confirmed",), times=1, digits=2),
        title={"de": "Personen je Termin", "en": "Persons per appointment"},
        definition={
            "de": "Personen durch gebuchte Termine, auf zwei Stellen.",
            "en": "Persons by booked appointments, to two digits.",
        },
    ),
    Figure(
        name="groups",
        section=Section.BOOKINGS,
        title={"de": "Gruppen und Familien", "en": "Groups and families"},
        definition={
            "de": "Gebuchte Termine für mindestens zwei Personen. Tag der Bestätigung.",
            "en": "Booked appointments for two persons or more. Day of the confirmation.",
        },
    ),
    Figure(
        name="group_share",
        section=Section.BOOKINGS,
        unit=Unit.PERCENT,
        kind=Ratio(("groups",), ("confirmed",)),
        title={"de": "Anteil Gruppen und Familien", "en": "Share of groups"},
        definition={
            "de": "Termine für mindestens zwei Personen von allen gebuchten Terminen.",
            "en": "Appointments for two persons or more, of all booked.",
        },
    ),
)
LEAD_TIME = (
    Figure(
        name="lead_days_median",
        section=Section.BOOKINGS,
        unit=Unit.DAYS,
        kind=Percentile("lead_days", 50),
        title={"de": "Wartezeit in Tagen (Median)", "en": "Days to wait (median)"},
        definition={
            "de": "Kalendertage von der Bestätigung bis zum Termin, nach einer Verschiebung bis zum neuen "
            "Tag. Median: Die Hälfte der gebuchten Termine lag höchstens so weit voraus. "
            "Tag der Bestätigung.",
            "en": "Calendar days from the confirmation to the appointment, after a move to the new day. "
            "Median by nearest rank over the booked appointments. Day of the confirmation.",
        },
    ),
    Figure(
        name="lead_days_p90",
        section=Section.BOOKINGS,
        unit=Unit.DAYS,
        kind=Percentile("lead_days", 90),
        title={"de": "Wartezeit in Tagen (90\u00a0%)", "en": "Days to wait (90%)"},
        definition={
            "de": "Wie der Median, für neun von zehn gebuchten Terminen. Tag der Bestätigung.",
            "en": "As the median, for nine in ten booked appointments (nearest rank). Day of the confirmation.",
        },
    ),
    Figure(
        name="within_14_days",
        section=Section.BOOKINGS,
        title={"de": "Termin binnen 14 Tagen", "en": "Within 14 days"},
        definition={
            "de": "Gebuchte Termine, die höchstens 14 Kalendertage nach der Bestätigung liegen. Tag der "
            "Bestätigung.",
            "en": "Booked appointments at most 14 calendar days after the confirmation. Day of the confirmation.",
        },
    ),
    Figure(
        name="within_14_days_share",
        section=Section.BOOKINGS,
        unit=Unit.PERCENT,
        kind=Ratio(("within_14_days",), ("confirmed",)),
        title={"de": "Anteil binnen 14 Tagen", "en": "Share within 14 days"},
        definition={
            "de": "Termine binnen 14 Tagen von allen gebuchten Terminen.",
            "en": "Appointments within 14 days, of all booked.",
        },
    ),
)
