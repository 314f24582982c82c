"""What became of each message, and how soon."""

from services.reporting.domain.figures.kinds import OF_MESSAGES, Figure, Percentile, Ratio, Section, Unit

# What an event may say of a message; one that was delivered counts as sent as well.
MESSAGE_OUTCOMES = ("sent", "delivered", "failed", "undeliverable", "superseded", "expired")

MESSAGES = (
    Figure(
        name="messages_sent",
        section=Section.MESSAGES,
        groups=OF_MESSAGES,
        title={"de": "Nachrichten versendet", "en": "Messages sent"},
        definition={
            "de": "Nachrichten, die der nächste Server angenommen hat, ohne die, die als unzustellbar "
            "zurückkamen. Tag der Übergabe.",
            "en": "Messages that the next server took over, without those that came back. Day on which it did.",
        },
    ),
    Figure(
        name="messages_delivered",
        section=Section.MESSAGES,
        groups=OF_MESSAGES,
        title={"de": "Nachrichten angekommen", "en": "Messages delivered"},
        definition={
            "de": "Davon die, deren Ankunft auf dem Telefon der Anbieter bestätigt hat; E-Mails bestätigt "
            "niemand. Tag der Ankunft.",
            "en": "Of those, the ones that a provider's receipt says have arrived at the phone; nobody says so of "
            "mails. Day of the arrival.",
        },
    ),
    Figure(
        name="messages_failed",
        section=Section.MESSAGES,
        groups=OF_MESSAGES,
        title={"de": "Nachrichten fehlgeschlagen", "en": "Messages failed"},
        definition={
            "de": "Nachrichten, die auf ihrem Weg (E-Mail oder SMS) aufgegeben wurden, ohne die unzustellbaren. "
            "Tag der Aufgabe.",
            "en": "Messages given up on their channel (email or SMS), without the undeliverable ones. "
            "Day on which they were given up.",
        },
    ),
    Figure(
        name="messages_undeliverable",
        section=Section.MESSAGES,
        groups=OF_MESSAGES,
        title={"de": "Nachrichten unzustellbar", "en": "Messages undeliverable"},
        definition={
            "de": "Nachrichten, für die kein Weg mehr blieb; jede einmal, auf wie vielen Wegen sie auch versucht "
            "wurde. Die Person sollte angerufen werden. Tag der Aufgabe.",
            "en": "Messages for which no channel was left, each once, over however many channels it was tried: "
            "somebody should phone. Day on which they were given up.",
        },
    ),
    Figure(
        name="messages_failed_share",
        section=Section.MESSAGES,
        unit=Unit.PERCENT,
        kind=Ratio(
            ("messages_failed", "messages_undeliverable"),
            ("messages_sent", "messages_failed", "messages_undeliverable"),
        ),
        groups=OF_MESSAGES,
        title={"de": "Anteil fehlgeschlagener Nachrichten", "en": "Share of messages that failed"},
        definition={
            "de": "Fehlgeschlagene und unzustellbare von allen Nachrichten, die gesendet werden sollten.",
            "en": "Failed and undeliverable, of all messages that were to be sent.",
        },
    ),
    Figure(
        name="messages_superseded",
        section=Section.MESSAGES,
        groups=OF_MESSAGES,
        title={"de": "Nachrichten überholt", "en": "Messages superseded"},
        definition={
            "de": "Nachrichten, die nicht mehr stimmten und deshalb nicht gesendet wurden. Tag der Entscheidung.",
            "en": "Messages that no longer were true and so were not sent. Day of that decision.",
        },
    ),
    Figure(
        name="messages_expired",
        section=Section.MESSAGES,
        groups=OF_MESSAGES,
        title={"de": "Nachrichten verfallen", "en": "Messages expired"},
        definition={
            "de": "Nachrichten, die zu spät gekommen wären und nicht gesendet wurden. Tag der Entscheidung.",
            "en": "Messages that would have come too late and were not sent. Day of that decision.",
        },
    ),
    Figure(
        name="message_seconds_median",
        section=Section.MESSAGES,
        unit=Unit.SECONDS,
        kind=Percentile("message_seconds", 50),
        groups=OF_MESSAGES,
        title={"de": "Sekunden bis zum Versand (Median)", "en": "Seconds until sent (median)"},
        definition={
            "de": "Volle Sekunden vom Ereignis bis zur Übergabe der versendeten Nachrichten; bei Erinnerungen und "
            "nach der Nachtruhe vom geplanten Zeitpunkt an. Tag der Übergabe.",
            "en": "Whole seconds from the event until the next server took the message over, of those sent; for "
            "reminders and after quiet hours from when it was due. Nearest rank. Day on which it was taken over.",
        },
    ),
    Figure(
        name="message_seconds_p90",
        section=Section.MESSAGES,
        unit=Unit.SECONDS,
        kind=Percentile("message_seconds", 90),
        groups=OF_MESSAGES,
        title={"de": "Sekunden bis zum Versand (90\u00a0%)", "en": "Seconds until sent (90%)"},
        definition={
            "de": "Wie der Median, für neun von zehn versendeten Nachrichten.",
            "en": "As the median, for nine in ten messages that were sent (nearest rank).",
        },
    ),
)
