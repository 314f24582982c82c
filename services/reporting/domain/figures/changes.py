"""What becomes of a booking before its day: moved or cancelled, by whom and how late."""

from services.reporting.domain.figures.kinds import Figure, Ratio, Section, Unit

CHANGES = (
    Figure(
        name="rescheduled",
        section=Section.BOOKINGS,
        title={"de": "Verschoben", "en": "Rescheduled"},
        definition={
            "de": "Verschiebungen; ein Termin, der zweimal verschoben wurde, zählt zweimal. Tag der Verschiebung.",
            "en": "Moves to another time; an appointment that was moved twice counts twice. Day of the move.",
        },
    ),
    Figure(
        name="cancelled",
        section=Section.BOOKINGS,
        title={"de": "Abgesagt", "en": "Cancelled"},
        definition={
            "de": "Absagen von Bürgerinnen und Bürgern oder auf ihren Wunsch, ob bestätigt oder nicht, auch "
            "solche, die zurückgenommen wurden, und Plätze auf der Warteliste, die jemand aufgab. Tag der Absage.",
            "en": "Cancellations by citizens or because they asked, confirmed or not, those that were taken back "
            "included, and places on the waiting list that were given up. Day of the cancellation.",
        },
    ),
    Figure(
        name="cancelled_by_citizen",
        section=Section.BOOKINGS,
        title={"de": "Abgesagt von Bürgern", "en": "Cancelled by the citizen"},
        definition={
            "de": "Gebuchte Termine, die die Person selbst abgesagt hat, ohne die zurückgenommenen Absagen. Tag "
            "der Absage.",
            "en": "Booked appointments that the person cancelled, unless that was taken back. Day of the "
            "cancellation.",
        },
    ),
    Figure(
        name="cancelled_by_staff",
        section=Section.BOOKINGS,
        title={"de": "Abgesagt auf Wunsch", "en": "Cancelled as asked"},
        definition={
            "de": "Gebuchte Termine, die das Amt auf Wunsch der Person abgesagt hat, ohne die zurückgenommenen. "
            "Tag der Absage.",
            "en": "Booked appointments that staff cancelled because the person asked, unless that was taken back. "
            "Day of the cancellation.",
        },
    ),
    Figure(
        name="cancelled_by_office",
        section=Section.BOOKINGS,
        title={"de": "Abgesagt durch die Behörde", "en": "Cancelled by the office"},
        definition={
            "de": "Gebuchte Termine, die die Behörde nicht halten konnte. Tag der Absage.",
            "en": "Booked appointments that the office could not keep. Day of the cancellation.",
        },
    ),
    Figure(
        name="cancelled_48h",
        section=Section.BOOKINGS,
        title={"de": "48 Stunden vorher oder früher abgesagt", "en": "Cancelled 48 hours ahead or more"},
        definition={
            "de": "Von der Person oder auf ihren Wunsch abgesagte gebuchte Termine, wenigstens 48 Stunden vor dem "
            "Beginn. Tag der Absage.",
            "en": "Booked appointments cancelled by the person or as asked, at least 48 hours before the start. "
            "Day of the cancellation.",
        },
    ),
    Figure(
        name="cancelled_24h",
        section=Section.BOOKINGS,
        title={"de": "24 bis 48 Stunden vorher abgesagt", "en": "Cancelled 24 to 48 hours ahead"},
        definition={
            "de": "Ebenso, wenigstens 24 und weniger als 48 Stunden vor dem Beginn. Tag der Absage.",
            "en": "As above, at least 24 and less than 48 hours before the start. Day of the cancellation.",
        },
    ),
    Figure(
        name="cancelled_late",
        section=Section.BOOKINGS,
        title={"de": "Weniger als 24 Stunden vorher abgesagt", "en": "Cancelled less than 24 hours ahead"},
        definition={
            "de": "Ebenso, weniger als 24 Stunden vor dem Beginn; nach dem Beginn nimmt niemand mehr eine Absage "
            "an. Tag der Absage.",
            "en": "As above, less than 24 hours before the start; once it has begun no cancellation is taken. Day "
            "of the cancellation.",
        },
    ),
    Figure(
        name="office_cancelled_48h",
        section=Section.BOOKINGS,
        title={
            "de": "Von der Behörde 48 Stunden vorher oder früher abgesagt",
            "en": "Cancelled by the office 48 hours ahead or more",
        },
        definition={
            "de": "Von der Behörde abgesagte Termine, wenigstens 48 Stunden vor dem Beginn. Tag der Absage.",
            "en": "Appointments cancelled by the office, at least 48 hours before the start. Day of the "
            "cancellation.",
        },
    ),
    Figure(
        name="office_cancelled_24h",
        section=Section.BOOKINGS,
        title={
            "de": "Von der Behörde 24 bis 48 Stunden vorher abgesagt",
            "en": "Cancelled by the office 24 to 48 hours ahead",
        },
        definition={
            "de": "Ebenso, wenigstens 24 und weniger als 48 Stunden vor dem Beginn. Tag der Absage.",
            "en": "As above, at least 24 and less than 48 hours before the start. Day of the cancellation.",
        },
    ),
    Figure(
        name="office_cancelled_late",
        section=Section.BOOKINGS,
        title={
            "de": "Von der Behörde weniger als 24 Stunden vorher abgesagt",
            "en": "Cancelled by the office less than 24 hours ahead",
        },
        definition={
            "de": "Ebenso, weniger als 24 Stunden vor dem Beginn, aber noch davor. Tag der Absage.",
            "en": "As above, less than 24 hours before the start, and still before it. Day of the cancellation.",
        },
    ),
    Figure(
        name="office_cancelled_after",
        section=Section.BOOKINGS,
        title={"de": "Von der Behörde nach Beginn abgesagt", "en": "Cancelled by the office after the start"},
        definition={
            "de": "Ebenso, als die Zeit schon begonnen hatte. Tag der Absage.",
            "en": "As above, when the time had already begun. Day of the cancellation.",
        },
    ),
    Figure(
        name="late_cancellation_share",
        section=Section.BOOKINGS,
        unit=Unit.PERCENT,
        kind=Ratio(("cancelled_late",), ("cancelled_48h", "cancelled_24h", "cancelled_late")),
        title={"de": "Anteil kurzfristiger Absagen", "en": "Share of late cancellations"},
        definition={
            "de": "Weniger als 24 Stunden vorher abgesagte von allen Terminen, die von der Person oder auf ihren "
            "Wunsch abgesagt wurden.",
            "en": "Cancelled less than 24 hours ahead, of all that were cancelled by the person or as asked.",
        },
    ),
)
