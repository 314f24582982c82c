"""The served OpenAPI is true in both directions: it accepts what the API takes, and describes what it gives."""

from collections.abc import Callable
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from deploy.local.stack import Stack
from tests.contract.caller import PROBLEM
from tests.contract.lives import accounts, citizens
from tests.contract.lives.world import OFFICE, World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# Of the administrator's own session, and of what would lock everybody out.
_ONCE = "/v1/staff/sessions/current"

Operation = APIOperation[Any, Any, Any, Any]
Headers = dict[str, str]


def _few(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )


def test_reporting_does_what_its_openapi_says(stack: Stack) -> None:
    for operation in _operations(stack["reporting"].url):
        _try(operation, examples=20, headers=lambda: stack.reader)
        _try(operation, examples=5)


def test_booking_does_what_its_openapi_says(world: World) -> None:
    """Whatever is sent: to ids that nobody has, and to an appointment and an office that are there."""
    held = citizens.hold(world)
    for operation in _operations(world.call.url):
        headers = _authorization(world, operation, held["token"])
        _try(operation, examples=6, headers=headers)
        if operation.path_parameters:
            # What schemathesis makes up would find neither.
            _try(operation, examples=10, headers=headers, path={"id": held["id"], "office": OFFICE})


def _operations(url: str) -> list[Operation]:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == schema.statistic.operations.total
    return operations


def _authorization(world: World, operation: Operation, citizen: str) -> Callable[[], Headers]:
    """Of somebody who may; signing out needs somebody new each time."""
    schemes = {name for wanted in operation.definition.raw.get("security", []) for name in wanted}
    if not schemes:
        return dict
    if "Staff" not in schemes:
        return lambda: _bearer(citizen)
    if operation.path == _ONCE:
        return lambda: _bearer(accounts.newcomer(world))
    return lambda: _bearer(world.tokens["all"])


def _bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def _try(
    operation: Operation,
    *,
    examples: int,
    headers: Callable[[], Headers] = dict,
    path: dict[str, str] | None = None,
) -> None:
    @given(case=operation.as_strategy())
    @_few(examples)
    def run(case: schemathesis.Case[Any]) -> None:
        for name in case.path_parameters.keys() & (path or {}).keys():
            case.path_parameters[name] = (path or {})[name]
        answer = case.call(headers=headers())
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert answer.json().keys() >= PROBLEM

    run()


def test_openapi_is_version_3_1(stack: Stack) -> None:
    for name in ("booking", "reporting"):
        assert httpx.get(f"{stack[name].url}/openapi.json", timeout=10).json()["openapi"].startswith("3.1")
