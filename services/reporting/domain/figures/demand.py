"""What people look for and do not get, and what tells of programs that take times to sell them."""

from services.reporting.domain.figures.kinds import EVERYWHERE, Figure, Group, Ratio, Section, Unit

DEMAND = (
    Figure(
        name="searches",
        section=Section.DEMAND,
        groups=EVERYWHERE,
        title={"de": "Suchen", "en": "Searches"},
        definition={
            "de": "Abfragen freier Zeiten, auch wiederholte derselben Person. Tag der Abfrage.",
            "en": "Requests for free times, repeated ones of the same person included. Day of the request.",
        },
    ),
    Figure(
        name="searches_without_result",
        section=Section.DEMAND,
        groups=EVERYWHERE,
        title={"de": "Suchen ohne Ergebnis", "en": "Searches without result"},
        definition={
            "de": "Abfragen, auf die keine einzige freie Zeit genannt werden konnte. Tag der Abfrage.",
            "en": "Requests for free times that could be given none. Day of the request.",
        },
    ),
    Figure(
        name="searches_without_result_share",
        section=Section.DEMAND,
        unit=Unit.PERCENT,
        kind=Ratio(("searches_without_result",), ("searches",)),
        groups=EVERYWHERE,
        title={"de": "Anteil Suchen ohne Ergebnis", "en": "Share of searches without result"},
        definition={"de": "Suchen ohne Ergebnis von allen Suchen.", "en": "Without result, of all searches."},
    ),
    Figure(
        name="out_of_area",
        section=Section.DEMAND,
        groups=(*EVERYWHERE, Group.MUNICIPALITY),
        title={"de": "Nicht zuständig", "en": "Out of area"},
        definition={
            "de": "Anfragen mit einer Gemeinde, für die eine andere Behörde zuständig ist; jede solche "
            "Gemeinde zählt je Anfrage einmal. Tag der Anfrage.",
            "en": "Requests that named a municipality for which another authority is responsible; "
            "each such municipality counts once per request. Day of the request.",
        },
    ),
)
TRADING = (
    Figure(
        name="slot_taken",
        section=Section.TRADING,
        groups=EVERYWHERE,
        title={"de": "Zeit schon vergeben", "en": "Time already taken"},
        definition={
            "de": "Buchungsversuche, bei denen jemand anderes schneller war. Tag des Versuchs.",
            "en": "Attempts to take a time that somebody else took first. Day of the attempt.",
        },
    ),
    Figure(
        name="proofs_asked",
        section=Section.TRADING,
        groups=EVERYWHERE,
        title={"de": "Rechenaufgaben verlangt", "en": "Proofs asked for"},
        definition={
            "de": "Buchungsversuche, für die wegen vieler Anfragen erst eine Rechenaufgabe zu lösen war. "
            "Tag des Versuchs.",
            "en": "Attempts to take a time that first needed a proof of work, because of many requests. "
            "Day of the attempt.",
        },
    ),
    Figure(
        name="proofs_failed",
        section=Section.TRADING,
        groups=EVERYWHERE,
        title={"de": "Rechenaufgaben nicht gelöst", "en": "Proofs not valid"},
        definition={
            "de": "Buchungsversuche mit einer falschen, alten oder schon benutzten Lösung. Tag des Versuchs.",
            "en": "Attempts to take a time with a proof that was wrong, old or used before. Day of the attempt.",
        },
    ),
    Figure(
        name="refused",
        section=Section.TRADING,
        groups=EVERYWHERE,
        title={"de": "Zu viele Anfragen", "en": "Too many requests"},
        definition={
            "de": "Anfragen, die abgewiesen wurden, weil von einem Anschluss sehr viele kamen. Tag der Anfrage.",
            "en": "Requests that were refused because very many came from one address. Day of the request.",
        },
    ),
    Figure(
        name="many_holds",
        section=Section.TRADING,
        groups=EVERYWHERE,
        title={"de": "Anschlüsse mit sehr vielen Reservierungen", "en": "Addresses with very many holds"},
        definition={
            "de": "Anschlüsse, die in einer Minute mehr als zwölfmal eine Zeit reservieren wollten; jeder zählt "
            "je Minute einmal. Das kann auch eine Unterkunft oder ein Mobilfunknetz sein. Tag des Versuchs.",
            "en": "Addresses from which more than twelve times were asked for within a minute, each once a "
            "minute. It may be a shelter or a mobile network as well. Day of the attempts.",
        },
    ),
    Figure(
        name="quick_rebookings",
        section=Section.TRADING,
        groups=EVERYWHERE,
        title={"de": "Sofort wieder gebucht", "en": "Taken again at once"},
        definition={
            "de": "Zeiten, die frei wurden und binnen zehn Sekunden wieder reserviert waren. Viele davon sprechen "
            "für Programme, die auf freie Zeiten warten. Tag der Reservierung.",
            "en": "Times that became free and were taken again within ten seconds. Many of them tell of programs "
            "that wait for free times. Day of the hold.",
        },
    ),
)
