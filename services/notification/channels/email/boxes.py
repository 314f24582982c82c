"""Where bounces lie: a mailbox on an IMAP server, or a Maildir. Both block, so they are used in a thread."""

import imaplib
import mailbox
import re
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from services.notification.channels.email.dsn import is_notification

# A notification that returns a large mail says all that matters at its beginning.
_MOST_BYTES = 256 * 1024
_UID = re.compile(rb"\bUID (\d+)")


class BoxUnreadable(Exception):
    """The mailbox is away, or refuses us; its text is a code."""


@dataclass(frozen=True, slots=True)
class Position:
    """Up to which letter an IMAP folder was read; `validity` changes where its numbers begin anew."""

    validity: int = 0
    uid: int = 0


@dataclass(frozen=True, slots=True)
class Letter:
    key: str
    content: bytes


class Box(Protocol):
    def open(self) -> "OpenBox":
        """Raises BoxUnreadable, as everything that follows."""


class OpenBox(Protocol):
    def read(self, position: Position, *, most: int) -> tuple[list[Letter], Position, bool]:
        """What may be notifications among the next `most` letters, the position after, and whether there is more.

        Changes nothing, not even whether a letter counts as seen.
        """

    def remove(self, keys: Sequence[str]) -> None: ...

    def leave(self, keys: Sequence[str]) -> None:
        """They are not ours: they stay, and need not be read again."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapBox:
    """`starttls` on a plain port, else TLS from the start; verified against `ca`, or the system's list."""

    host: str
    port: int
    username: str
    password: SecretStr
    folder: str = "INBOX"
    starttls: bool = False
    ca: Path | None = None
    timeout: timedelta = timedelta(seconds=20)

    def open(self) -> "OpenImap":
        context = ssl.create_default_context(cafile=self.ca)
        seconds = self.timeout.total_seconds()
        try:
            if self.starttls:
                client = _encrypted(imaplib.IMAP4(self.host, self.port, timeout=seconds), context)
            else:
                client = imaplib.IMAP4_SSL(self.host, self.port, ssl_context=context, timeout=seconds)
        except (OSError, imaplib.IMAP4.error) as error:
            raise BoxUnreadable(type(error).__name__) from error
        return OpenImap(client, self)


def _encrypted(client: imaplib.IMAP4, context: ssl.SSLContext) -> imaplib.IMAP4:
    """Closes the connection where it stays in the clear."""
    try:
        client.starttls(context)
    except BaseException:
        with suppress(OSError):
            client.shutdown()
        raise
    return client


class OpenImap:
    def __init__(self, client: imaplib.IMAP4, box: ImapBox) -> None:
        self._client = client
        try:
            self._call("login", _quoted(box.username), box.password.get_secret_value())
            # Some servers say what they can do only to whom they know.
            able = b" ".join(self._call("capability"))
            self._call("select", _quoted(box.folder))
        except BaseException:
            self.close()
            raise
        self._validity = int((client.response("UIDVALIDITY")[1] or [None])[0] or 0)
        self._tells_apart = b"UIDPLUS" in able.upper().split()

    def read(self, position: Position, *, most: int) -> tuple[list[Letter], Position, bool]:
        since = position.uid if position.validity == self._validity else 0
        found = self._call("uid", "SEARCH", f"UID {since + 1}:*")
        # The last letter is always among them, however small its number.
        uids = sorted(uid for uid in map(int, (found[0] or b"").split()) if uid > since)
        batch = uids[:most]
        if not batch:
            return [], Position(self._validity, since), False
        letters = [Letter(str(uid), self._letter(uid)) for uid in self._notifications(batch)]
        return letters, Position(self._validity, batch[-1]), len(uids) > len(batch)

    def remove(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        uids = ",".join(keys)
        self._call("uid", "STORE", uids, "+FLAGS.SILENT", r"(\Deleted)")
        if self._tells_apart:
            self._call("uid", "EXPUNGE", uids)
        # Else they go when somebody tidies the folder: EXPUNGE alone would also take what others have marked.

    def leave(self, keys: Sequence[str]) -> None:
        """The position has passed them."""

    def close(self) -> None:
        with suppress(OSError, imaplib.IMAP4.error):
            self._client.logout()
        with suppress(OSError):
            self._client.shutdown()

    def _notifications(self, uids: list[int]) -> list[int]:
        asked = "(UID BODY.PEEK[HEADER.FIELDS (CONTENT-TYPE)])"
        heads = self._call("uid", "FETCH", ",".join(map(str, uids)), asked)
        found = []
        for uid, head in _fetched(heads):
            kind = head.decode("latin-1").partition(":")[2]
            if uid in uids and is_notification(kind):
                found.append(uid)
        return found

    def _letter(self, uid: int) -> bytes:
        parts = self._call("uid", "FETCH", str(uid), f"(UID BODY.PEEK[]<0.{_MOST_BYTES}>)")
        return next((content for found, content in _fetched(parts) if found == uid), b"")

    def _call(self, command: str, *values: str) -> list[bytes]:
        try:
            answer, data = getattr(self._client, command)(*values)
        except (OSError, UnicodeError, imaplib.IMAP4.error) as error:
            # What the server says may repeat the user's name.
            raise BoxUnreadable(f"{command}: {type(error).__name__}") from error
        if answer != "OK":
            raise BoxUnreadable(f"{command}: {answer}")
        return list(data)


def _fetched(parts: Sequence[bytes | tuple[bytes, bytes]]) -> list[tuple[int, bytes]]:
    """UID and literal of each answer; a server may put the UID before the literal or after it."""
    found = []
    for part, after in zip(parts, [*parts[1:], b""], strict=True):
        if isinstance(part, tuple):
            uid = _UID.search(part[0]) or (_UID.search(after) if isinstance(after, bytes) else None)
            if uid:
                found.append((int(uid[1]), part[1]))
    return found


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class MaildirBox:
    """Its letters have no order to remember: each process looks once at those that stay."""

    path: Path
    looked_at: set[str] = field(default_factory=set)

    def open(self) -> "OpenMaildir":
        if not (self.path / "new").is_dir():
            raise BoxUnreadable("no Maildir")
        return OpenMaildir(mailbox.Maildir(self.path, create=False), self.looked_at)


class OpenMaildir:
    def __init__(self, box: "mailbox.Maildir", looked_at: set[str]) -> None:
        self._box = box
        self._looked_at = looked_at

    def read(self, position: Position, *, most: int) -> tuple[list[Letter], Position, bool]:
        keys = [key for key in sorted(self._box.keys()) if key not in self._looked_at]
        letters = []
        for key in keys[:most]:
            # Whoever reads mail may move a letter meanwhile.
            with suppress(OSError, KeyError), self._box.get_file(key) as file:
                letters.append(Letter(key, file.read(_MOST_BYTES)))
        return letters, position, len(keys) > most

    def leave(self, keys: Sequence[str]) -> None:
        self._looked_at.update(keys)

    def remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            with suppress(OSError, KeyError):
                self._box.remove(key)

    def close(self) -> None:
        self._box.close()


def box_of(setting: str, *, password: SecretStr | None, ca: Path | None) -> Box | None:
    """What NOTIFICATION_BOUNCES names: `none`, `maildir:<path>`, `imaps://user@host/folder`, or `imap://…` where
    the connection begins in the clear and turns to TLS.

    Raises ValueError for anything else.
    """
    if setting == "none":
        return None
    url = urlsplit(setting)
    if url.scheme == "maildir" and url.path:
        return MaildirBox(Path(url.path))
    if url.scheme not in ("imaps", "imap") or not url.hostname or not url.username:
        raise ValueError("NOTIFICATION_BOUNCES can be 'none', 'maildir:<path>' or 'imaps://user@host/folder'")
    if url.password is not None:
        raise ValueError("NOTIFICATION_BOUNCES holds a password; it belongs into NOTIFICATION_BOUNCES_PASSWORD")
    return ImapBox(
        host=url.hostname,
        port=url.port or (993 if url.scheme == "imaps" else 143),
        username=unquote(url.username),
        password=password or SecretStr(""),
        folder=unquote(url.path.removeprefix("/")) or "INBOX",
        starttls=url.scheme == "imap",
        ca=ca,
    )
