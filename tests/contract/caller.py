"""Calls operations by their names in the OpenAPI, holds each answer against it, counts what went well."""

import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
import schemathesis

Operation = tuple[str, str]
PROBLEM = {"type", "title", "status", "detail"}


@dataclass
class Caller:
    url: str
    done: Counter[Operation] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self.schema = schemathesis.openapi.from_url(f"{self.url}/openapi.json")
        self._checking = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def operations(self) -> set[Operation]:
        paths: Mapping[str, Mapping[str, Any]] = self.schema.raw_schema["paths"]
        return {(method.upper(), path) for path, operations in paths.items() for method in operations}

    def __call__(
        self,
        operation: str,
        *,
        token: str | None = None,
        key: str | None = None,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        expected: int | None = None,
        **path: str,
    ) -> Any:
        """`operation` as "POST /v1/offices/{office}/…", with what the braces stand for in `path`.

        The answer's body. Fails where the answer is not 2xx (or `expected`), or not as the OpenAPI says.
        """
        method, template = operation.split(" ")
        url = re.sub(r"{(\w+)}", lambda name: path[name[1]], template)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        answer = self.http.request(method, url, headers=headers, json=json, params=params)
        assert answer.is_success if expected is None else answer.status_code == expected, _told(operation, answer)
        self.check(method, template, answer)
        if answer.is_success:
            self.done[method, template] += 1
        is_json = bool(answer.content) and answer.headers["Content-Type"].endswith("json")
        return answer.json() if is_json else answer.content

    def check(self, method: str, template: str, answer: httpx.Response) -> None:
        """Fails where the OpenAPI does not describe the answer."""
        operation = self.schema[template][method]
        documented = self.schema.raw_schema["paths"][template][method.lower()]["responses"]
        assert str(answer.status_code) in documented, _told(f"{method} {template}", answer)
        if not answer.is_success:
            assert answer.json().keys() >= PROBLEM, _told(f"{method} {template}", answer)
        with self._checking:
            operation.validate_response(answer)


def _told(operation: str, answer: httpx.Response) -> str:
    return f"{operation}: {answer.status_code} {answer.text[:600]}"
