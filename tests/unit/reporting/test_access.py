import base64
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from services.reporting.access import SESSION_LASTS, Keys, Reader, Role, given_key

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
KEYS = Keys({Role.STAFF: SecretStr("one two"), Role.OPERATORS: SecretStr("three")})


@pytest.mark.parametrize(
    ("key", "role"),
    [("one", Role.STAFF), ("two", Role.STAFF), ("three", Role.OPERATORS), ("", None), ("on", None)],
)
def test_each_key_opens_for_its_role(key: str, role: Role | None) -> None:
    assert KEYS.reader_of(key) == (role and Reader(role))


def test_a_key_of_an_office_opens_that_one_alone_with_its_session() -> None:
    keys = Keys({Role.STAFF: SecretStr("one zollernalbkreis:two"), Role.OPERATORS: SecretStr("balingen:three")})
    bound = Reader(Role.STAFF, "zollernalbkreis")
    session = keys.session("two", now=NOW)
    assert session is not None
    assert keys.reader_of("two") == bound
    assert keys.reader_of_session(session, now=NOW) == bound
    assert keys.reader_of("one") == Reader(Role.STAFF)
    assert keys.reader_of("three") == Reader(Role.OPERATORS, "balingen")
    assert keys.reader_of("zollernalbkreis:two") is None


@pytest.mark.parametrize(
    ("staff", "operators"), [("one one", ""), ("one", "a:one"), ("a:one b:one", ""), ("a:", "")]
)
def test_a_key_that_opens_two_things_or_stands_empty_stops_the_start(staff: str, operators: str) -> None:
    with pytest.raises(ValueError, match="REPORTING_STAFF_KEYS"):
        Keys({Role.STAFF: SecretStr(staff), Role.OPERATORS: SecretStr(operators)})


def test_without_keys_nobody_is_let_in() -> None:
    nobody = Keys({Role.STAFF: SecretStr(""), Role.OPERATORS: SecretStr(" ")})
    assert nobody.reader_of("") is None
    assert nobody.session("", now=NOW) is None


def test_session_lasts_its_time_and_no_longer() -> None:
    session = KEYS.session("two", now=NOW)
    assert session is not None
    assert "two" not in session
    assert KEYS.reader_of_session(session, now=NOW + SESSION_LASTS - timedelta(seconds=1)) == Reader(Role.STAFF)
    assert KEYS.reader_of_session(session, now=NOW + SESSION_LASTS) is None


def test_session_ends_with_its_key() -> None:
    session = KEYS.session("two", now=NOW)
    assert session is not None
    fewer = Keys({Role.STAFF: SecretStr("one"), Role.OPERATORS: SecretStr("three")})
    assert fewer.reader_of_session(session, now=NOW) is None


def test_session_cannot_be_lengthened_or_change_its_role() -> None:
    session = KEYS.session("three", now=NOW)
    other = KEYS.session("one", now=NOW)
    assert session is not None
    assert other is not None
    name, until, signature = session.split(".")
    for forged in (
        f"{name}.{int(until) + 1}.{signature}",
        f"{other.split('.')[0]}.{until}.{signature}",
        f"{name}.{until}.",
        f"{name}.²³.{signature}",
        "..",
        "",
    ):
        assert KEYS.reader_of_session(forged, now=NOW) is None


def test_key_comes_as_bearer_or_as_password() -> None:
    assert given_key("Bearer one") == "one"
    assert given_key("basic " + base64.b64encode(b"anybody:o:ne").decode()) == "o:ne"
    assert given_key("Basic nonsense!") == ""
    assert given_key("Digest one") == ""
    assert given_key("") == ""
