"""The day itself: who came, who did not, and how long it took."""

from services.reporting.domain.figures.kinds import OF_THE_HOUR, Figure, Percentile, Ratio, Section, Unit

VISITS = (
    Figure(
        name="due",
        section=Section.VISITS,
        title={"de": "Anstehende Termine", "en": "Appointments due"},
        definition={
            "de": "Gebuchte Termine, die nicht abgesagt sind, ob jemand kam oder nicht; Kommendes zählt mit. Tag "
            "des Termins.",
            "en": "Booked appointments that are not cancelled, whether or not anybody came; days ahead count as "
            "well. Day of the appointment.",
        },
    ),
    Figure(
        name="kept",
        section=Section.VISITS,
        title={"de": "Wahrgenommen", "en": "Kept"},
        definition={
            "de": "Gebuchte Termine, zu denen die Person kam und angemeldet wurde. Tag des Termins.",
            "en": "Booked appointments to which the person came and was checked in. Day of the appointment.",
        },
    ),
    Figure(
        name="no_shows",
        section=Section.VISITS,
        title={"de": "Nicht erschienen", "en": "No-shows"},
        definition={
            "de": "Gebuchte Termine, zu denen niemand kam, ohne dass abgesagt war, oder bei denen niemand auf "
            "den Aufruf kam. Tag des Termins.",
            "en": "Booked appointments to which nobody came, not cancelled, or where nobody came when called. Day "
            "of the appointment.",
        },
    ),
    Figure(
        name="no_show_rate",
        section=Section.VISITS,
        unit=Unit.PERCENT,
        kind=Ratio(("no_shows",), ("kept", "no_shows")),
        title={"de": "Ausfallquote", "en": "No-show rate"},
        definition={
            "de": "Nicht erschienene von allen Terminen, bei denen eingetragen ist, ob jemand kam.",
            "en": "No-shows, of all appointments for which it was recorded whether anybody came.",
        },
    ),
    Figure(
        name="walk_ins",
        section=Section.VISITS,
        title={"de": "Ohne Termin", "en": "Walk-ins"},
        definition={
            "de": "Besuche mit Wartenummer, ohne vorherige Buchung. Tag des Besuchs.",
            "en": "Visits by ticket, not booked before. Day of the visit.",
        },
    ),
    Figure(
        name="served",
        section=Section.VISITS,
        title={"de": "Bearbeitet", "en": "Served"},
        definition={
            "de": "Besuche, deren Bearbeitung abgeschlossen ist, mit und ohne Termin. Tag des Besuchs.",
            "en": "Visits whose service is completed, booked or not. Day of the visit.",
        },
    ),
    Figure(
        name="arrivals",
        section=Section.VISITS,
        groups=OF_THE_HOUR,
        title={"de": "Ankünfte", "en": "Arrivals"},
        definition={
            "de": "Besuche, die angemeldet wurden, mit und ohne Termin. Tag und Stunde der Anmeldung.",
            "en": "Visits that were checked in, booked or not. Day and hour of the check-in.",
        },
    ),
    Figure(
        name="waiting_minutes_median",
        section=Section.VISITS,
        unit=Unit.MINUTES,
        kind=Percentile("waiting_minutes", 50),
        groups=OF_THE_HOUR,
        title={"de": "Warteminuten vor Ort (Median)", "en": "Minutes of waiting (median)"},
        definition={
            "de": "Volle Minuten von der Anmeldung bis zum ersten Aufruf, ohne Pausen. Tag und Stunde der "
            "Anmeldung.",
            "en": "Whole minutes from the check-in to the first call, without pauses; nearest rank. Day and hour "
            "of the check-in.",
        },
    ),
    Figure(
        name="waiting_minutes_p90",
        section=Section.VISITS,
        unit=Unit.MINUTES,
        kind=Percentile("waiting_minutes", 90),
        groups=OF_THE_HOUR,
        title={"de": "Warteminuten vor Ort (90\u00a0%)", "en": "Minutes of waiting (90%)"},
        definition={
            "de": "Wie der Median, für neun von zehn, die aufgerufen wurden.",
            "en": "As the median, for nine in ten of those who were called (nearest rank).",
        },
    ),
    Figure(
        name="handling_minutes_median",
        section=Section.VISITS,
        unit=Unit.MINUTES,
        kind=Percentile("handling_minutes", 50),
        groups=OF_THE_HOUR,
        title={"de": "Bearbeitungsminuten (Median)", "en": "Minutes of service (median)"},
        definition={
            "de": "Volle Minuten vom Beginn bis zum Abschluss der Bearbeitung, ohne Pausen. Tag und Stunde des "
            "Beginns.",
            "en": "Whole minutes from the start to the completion of service, without pauses; nearest rank. Day "
            "and hour of the start.",
        },
    ),
    Figure(
        name="handling_minutes_p90",
        section=Section.VISITS,
        unit=Unit.MINUTES,
        kind=Percentile("handling_minutes", 90),
        groups=OF_THE_HOUR,
        title={"de": "Bearbeitungsminuten (90\u00a0%)", "en": "Minutes of service (90%)"},
        definition={
            "de": "Wie der Median, für neun von zehn abgeschlossenen Besuchen.",
            "en": "As the median, for nine in ten completed visits (nearest rank).",
        },
    ),
)
WAITING_LIST = (
    Figure(
        name="waiting_list_joined",
        section=Section.WAITING_LIST,
        title={"de": "Auf die Warteliste gesetzt", "en": "Joined the waiting list"},
        definition={
            "de": "Personen, die sich auf die Warteliste setzen ließen oder ihren Wunsch änderten, mit und ohne "
            "Termin. Tag des Eintrags.",
            "en": "Times that somebody, with an appointment or without, asked to wait or changed the wish. Day of "
            "the entry.",
        },
    ),
    Figure(
        name="waiting_list_offers",
        section=Section.WAITING_LIST,
        title={"de": "Angeboten", "en": "Offered"},
        definition={
            "de": "Zeiten, die Wartenden angeboten wurden. Tag des Angebots.",
            "en": "Times that were offered to those who wait. Day of the offer.",
        },
    ),
    Figure(
        name="waiting_list_accepted",
        section=Section.WAITING_LIST,
        title={"de": "Angenommen", "en": "Accepted"},
        definition={
            "de": "Angebotene Zeiten, die angenommen wurden. Tag der Annahme.",
            "en": "Offered times that were accepted. Day of the acceptance.",
        },
    ),
    Figure(
        name="waiting_list_declined",
        section=Section.WAITING_LIST,
        title={"de": "Abgelehnt", "en": "Declined"},
        definition={
            "de": "Angebotene Zeiten, die ausgeschlagen wurden. Tag der Ablehnung.",
            "en": "Offered times that were declined. Day of the answer.",
        },
    ),
    Figure(
        name="waiting_list_unanswered",
        section=Section.WAITING_LIST,
        title={"de": "Nicht beantwortet", "en": "Not answered"},
        definition={
            "de": "Angebotene Zeiten, auf die niemand rechtzeitig geantwortet hat. Tag, an dem das Angebot "
            "endete.",
            "en": "Offered times that nobody answered in time. Day on which the offer ended.",
        },
    ),
    Figure(
        name="waiting_list_accepted_share",
        section=Section.WAITING_LIST,
        unit=Unit.PERCENT,
        kind=Ratio(
            ("waiting_list_accepted",),
            ("waiting_list_accepted", "waiting_list_declined", "waiting_list_unanswered"),
        ),
        title={"de": "Anteil angenommener Angebote", "en": "Share of offers accepted"},
        definition={
            "de": "Angenommene von allen Angeboten, die angenommen, ausgeschlagen oder nicht beantwortet wurden.",
            "en": "Accepted, of all offers that were accepted, declined or not answered.",
        },
    ),
)
