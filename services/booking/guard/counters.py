"""What was used, by key: in this process's memory only, bounded in size, and forgotten with the day.

Several processes count apart, so a limit is at most as many times higher as there are processes.
"""

import hashlib
import secrets
from collections import Counter, OrderedDict
from datetime import date, datetime, timedelta

from services.booking.domain.limits import Bucket, Limit

# Some 200 bytes each.
_MOST_KEYS = 50_000

Key = bytes


class Buckets:
    """One limit's buckets; whoever was not seen for longest is forgotten first."""

    def __init__(self, limit: Limit, *, most_keys: int = _MOST_KEYS) -> None:
        self.limit = limit
        self._most_keys = most_keys
        self._of: OrderedDict[Key, Bucket] = OrderedDict()

    def of(self, key: Key) -> Bucket:
        return self._of.get(key) or Bucket()

    def use(self, key: Key, now: datetime) -> None:
        self._of[key] = self.of(key).use(now, self.limit)
        self._of.move_to_end(key)
        if len(self._of) > self._most_keys:
            self._of.popitem(last=False)

    def wait(self, key: Key, now: datetime) -> timedelta:
        """Until one more is possible; zero where it is now."""
        return self.of(key).wait_for(self.limit.most, now, self.limit)

    def clear(self) -> None:
        self._of.clear()

    def __len__(self) -> int:
        return len(self._of)


class DailySalt:
    """Addresses as keyed hashes. The key is random and never leaves this object; a new day has a new one."""

    def __init__(self) -> None:
        self._day = date.min
        self._salt = b""

    def renewed(self, now: datetime) -> bool:
        """True where a new day has begun: what was kept under the old salt is of no use any more."""
        today = now.date()
        if today <= self._day:
            return False
        self._day, self._salt = today, secrets.token_bytes(32)
        return True

    def hashed(self, text: str) -> Key:
        return hashlib.blake2b(text.encode(), key=self._salt, digest_size=16).digest()


class PerMinute:
    """How often each key came within the running minute."""

    def __init__(self) -> None:
        self._minute: datetime | None = None
        self._times: Counter[Key] = Counter()

    def count(self, key: Key, now: datetime) -> int:
        minute = now.replace(second=0, microsecond=0)
        if minute != self._minute or len(self._times) > _MOST_KEYS:
            self._minute, self._times = minute, Counter()
        self._times[key] += 1
        return self._times[key]
