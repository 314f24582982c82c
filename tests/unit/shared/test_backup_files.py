"""Backup files: whole or refused, for one key only, and told apart without one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp

from shared.backup.records import Backup, BackupWriter, Contents, Documents, Secret, kind_of
from shared.backup.restoring import secrets_of
from shared.backup.sealed_file import (
    Identity,
    Passphrase,
    SealedWriter,
    Wrapping,
    chunks,
    new_identity,
    read_identity,
    read_passphrase,
    read_recipient,
)
from shared.setup import Trouble

AT = Timestamp(1_800_000_000, 1)
CONTENTS = Contents(
    kind="keys",
    at=AT,
    taken_at=datetime.fromtimestamp(AT.time, UTC),
    collections={"booking_keys.keys": [{"name": "created_at", "key": {"created_at": 1}}], "booking_keys.none": []},
)


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    new_identity(tmp_path / "identity")
    return read_identity(tmp_path / "identity")


def documents(count: int) -> Iterator[RawBSONDocument]:
    for number in range(count):
        yield RawBSONDocument(bson.encode({"_id": number, "box": bytes(5000)}))


def a_backup(path: Path, wrapping: Wrapping, *, count: int = 1000) -> Path:
    with BackupWriter(path, wrapping=wrapping, contents=CONTENTS) as writer:
        written = sum(writer.documents("booking_keys.keys", documents(count)))
        writer.secret(Secret("booking_signing_keys", "k1:00"))
    assert written == count
    return path


def test_what_was_written_is_read_with_its_indexes_and_secrets(tmp_path: Path, identity: Identity) -> None:
    backup = Backup(a_backup(tmp_path / "a", identity), wrapping=identity)

    parts = list(backup.parts())

    assert backup.contents == CONTENTS
    found = [document["_id"] for part in parts if isinstance(part, Documents) for document in part.documents]
    assert found == list(range(1000))
    assert [part for part in parts if isinstance(part, Secret)] == [Secret("booking_signing_keys", "k1:00")]
    assert kind_of(backup.path) == "keys"
    assert backup.path.stat().st_mode & 0o077 == 0


def test_any_byte_that_was_changed_is_found(tmp_path: Path, identity: Identity) -> None:
    """Every 97th byte of the file, the line at its beginning included."""
    path = a_backup(tmp_path / "a", identity, count=3)
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(Trouble):
            list(Backup(path, wrapping=identity).parts())


def test_a_file_that_breaks_off_or_goes_on_is_refused(tmp_path: Path, identity: Identity) -> None:
    path = a_backup(tmp_path / "a", identity)
    content = path.read_bytes()
    for shorter in (content[:-1], content[: len(content) // 2], content[:10], b""):
        path.write_bytes(shorter)
        with pytest.raises(Trouble):
            list(Backup(path, wrapping=identity).parts())
    path.write_bytes(content + b"x")
    with pytest.raises(Trouble, match="goes on after its end"):
        list(Backup(path, wrapping=identity).parts())


def test_a_whole_chunk_less_is_found(tmp_path: Path, identity: Identity) -> None:
    """Chunks may not be left out, though each is sealed by itself."""
    path = tmp_path / "a"
    with SealedWriter(path, wrapping=identity, says={}) as writer:
        for number in range(5):
            writer.write(bytes([number]) * 1000)
    assert len(list(chunks(path, wrapping=identity))) == 5
    content = path.read_bytes()
    size = (len(content) - content.index(b"\n") - 25) // 5
    start = content.index(b"\n") + 25 + 2 * size
    path.write_bytes(content[:start] + content[start + size :])

    with pytest.raises(Trouble, match="damaged"):
        list(chunks(path, wrapping=identity))


def test_a_folder_that_takes_no_key_is_named(tmp_path: Path) -> None:
    """As user 10001 meets one that Docker made for root."""
    with pytest.raises(Trouble, match=r"/away/identity cannot be written: No such file"):
        new_identity(tmp_path / "away" / "identity")


def test_the_public_key_seals_and_opens_nothing(tmp_path: Path, identity: Identity) -> None:
    public = new_identity(tmp_path / "other")
    path = a_backup(tmp_path / "a", read_recipient(public))

    assert Backup(path, wrapping=read_identity(tmp_path / "other")).contents == CONTENTS
    for wrong in (read_recipient(public), identity, Passphrase(b"0123456789abcdef")):
        with pytest.raises(Trouble, match="for another key"):
            Backup(path, wrapping=wrong)


def test_a_passphrase_opens_what_it_sealed(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("vier Worte, die keiner errät\n")
    passphrase = read_passphrase(tmp_path / "passphrase")
    path = a_backup(tmp_path / "a", passphrase, count=1)

    assert Backup(path, wrapping=passphrase).contents == CONTENTS
    with pytest.raises(Trouble, match="for another key"):
        Backup(path, wrapping=Passphrase(b"another one, as long"))
    (tmp_path / "short").write_text("kurz")
    with pytest.raises(Trouble, match="fewer than 16"):
        read_passphrase(tmp_path / "short")


def test_what_breaks_off_leaves_no_file(tmp_path: Path, identity: Identity) -> None:
    def breaks() -> None:
        with BackupWriter(tmp_path / "a", wrapping=identity, contents=CONTENTS) as writer:
            list(writer.documents("booking_keys.keys", documents(1000)))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        breaks()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["identity"]


def test_secrets_never_replace_others_unasked(tmp_path: Path, identity: Identity) -> None:
    backup = Backup(a_backup(tmp_path / "a", identity, count=1), wrapping=identity)
    folder = tmp_path / "secrets"

    assert secrets_of(backup, folder, replace=False) == ["booking_signing_keys"]
    secret = folder / "booking_signing_keys"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("k1:00", 0o600)
    secrets_of(backup, folder, replace=False)
    secret.write_text("k1:11")
    with pytest.raises(Trouble, match="booking_signing_keys"):
        secrets_of(backup, folder, replace=False)
    secrets_of(backup, folder, replace=True)
    assert secret.read_text() == "k1:00"


def test_a_private_key_is_never_written_over(tmp_path: Path, identity: Identity) -> None:
    with pytest.raises(Trouble, match="is there already"):
        new_identity(tmp_path / "identity")
    assert (tmp_path / "identity").stat().st_mode & 0o077 == 0
