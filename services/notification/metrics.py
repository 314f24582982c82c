"""What an operator should see of the deliveries."""

from prometheus_client import Counter, Gauge, Histogram

DELIVERIES = Counter(
    "notification_deliveries_total",
    "Looks at due deliveries, by what came of them",
    ["purpose", "channel", "outcome"],
)
SUPERSEDED = Counter(
    "notification_superseded_total", "Messages not sent, since a newer state contradicts them", ["purpose"]
)
UNDELIVERABLE = Counter("notification_undeliverable_total", "Messages for which no channel is left", ["purpose"])
LEASES_LOST = Counter(
    "notification_leases_lost_total",
    "Outcomes of this process that came after its lease: each may have been one message too many",
)
PAUSED = Gauge("notification_paused", "1 while operators have paused the channel", ["channel"])
CIRCUIT = Gauge(
    "notification_circuit", "How this process sees a provider: 0 closed, 1 half-open, 2 open", ["provider"]
)
OLDEST_DUE = Gauge("notification_oldest_due_age_seconds", "Age of the oldest delivery that is due and not sent")
IN_FLIGHT = Gauge("notification_sends_in_flight", "Messages being sent by this process")
SENDING = Histogram(
    "notification_send_seconds",
    "Time until the provider had taken a message over, or refused",
    ["channel"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
SMS_SEGMENTS = Counter("notification_sms_segments_total", "Segments taken over", ["provider", "encoding"])
SMS_CAPPED = Counter("notification_sms_capped_total", "Text messages beyond the cap of their day", ["office"])
REPORTS = Counter("notification_reports_total", "Receipts and bounces, each counted once", ["by", "told"])
RECEIPTS_REFUSED = Counter("notification_receipts_refused_total", "Receipts not believed or not read", ["why"])
BOUNCES_READABLE = Gauge("notification_bounces_readable", "Whether the mailbox of bounces could be read last time")
