"""After a restore everything is told anew, under versions above all that was heard before the loss.

What others know may be newer than what was restored. So a restore raises each version by one fixed step and tells
the state as it is now: consumers, who take only what is newer, take it, and all that follows.
"""

import json

from uuid_utils import uuid7

from shared.outbox import Entry

# More versions than anything ever goes through between two restores.
STEP = 1_000_000


def raised(entry: Entry) -> Entry:
    """The same event of the same time, as the newest of its subject."""
    body = json.loads(entry["body"])
    id, sequence = str(uuid7()), entry["sequence"] + STEP
    body |= {"id": id, "sequence": str(sequence)}
    return {**entry, "id": id, "sequence": sequence, "body": json.dumps(body, ensure_ascii=False)}
