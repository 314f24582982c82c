"""The served OpenAPI is true in both directions: it accepts what the API takes, and describes what it gives."""

from typing import Any

import httpx
import pytest
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

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


_few = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("service", ["booking", "reporting"])
def test_service_does_what_its_openapi_says(stack: Stack, service: str) -> None:
    schema = schemathesis.openapi.from_url(f"{stack[service].url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == schema.statistic.operations.total

    for operation in operations:
        _try(operation)


def _try(operation: APIOperation[Any, Any, Any, Any]) -> None:
    @given(case=operation.as_strategy())
    @_few
    def run(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS)

    run()


def test_openapi_is_version_3_1(stack: Stack) -> None:
    for name in ("booking", "reporting"):
        assert httpx.get(f"{stack[name].url}/openapi.json", timeout=10).json()["openapi"].startswith("3.1")
