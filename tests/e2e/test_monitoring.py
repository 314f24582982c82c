"""Rules and dashboard for operators name only what the running services expose."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.local.stack import Stack

_FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring"
_QUOTED = re.compile(r'"[^"]*"')
_LABELS = re.compile(r"\{[^}]*\}|\b(?:by|without|on|ignoring)\s*\([^)]*\)")
_RANGE = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# What an expression may say beside names of metrics.
_FUNCTIONS = frozenset({"sum", "min", "max", "rate", "increase", "histogram_quantile"})
# Prometheus' own.
_BUILT_IN = frozenset({"up"})


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((_FOLDER / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_FOLDER / "grafana" / "operators.json").read_text())
    return found


def _expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in _rules())
    for panel in _dashboard()["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def _names(expression: str) -> set[str]:
    bare = _RANGE.sub("", _LABELS.sub("", _QUOTED.sub('""', expression)))
    return set(_NAME.findall(bare)) - _FUNCTIONS


def _labels(expression: str) -> set[str]:
    said = _LABELS.findall(_QUOTED.sub('""', expression))
    return {name for part in said for name in _NAME.findall(part)} - {"by", "without", "on", "ignoring"}


@pytest.fixture(scope="module")
def exposed(stack: Stack) -> str:
    pages = (
        httpx.get(f"{stack[name].url}/metrics", timeout=10).text
        for name in ("booking", "notification", "reporting")
    )
    return "\n".join(pages)


def _series(exposed: str) -> set[str]:
    found = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", exposed, re.MULTILINE):
        parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found |= {name + part for part in parts}
    return found


def test_every_metric_that_is_watched_is_exposed(exposed: str) -> None:
    series = _series(exposed)
    watched = {name for expression in _expressions() for name in _names(expression)}
    assert len(watched) > 15
    assert watched - series <= _BUILT_IN


def test_names_are_found_in_an_expression() -> None:
    """So that the test above cannot look at nothing."""
    expression = 'sum by (job, le) (rate(a_total{x=~"b|c"}[5m])) / max(d_seconds) > 0.5'
    assert _names(expression) == {"a_total", "d_seconds"}
    assert _labels(expression) == {"job", "le", "x"}


def test_every_label_that_is_asked_for_is_known(exposed: str) -> None:
    """Those of samples, those that services declare, and what Prometheus adds."""
    given = set(re.findall(r'[{,](\w+)="', exposed)) | {"job", "instance"}
    asked = {label for expression in _expressions() for label in _labels(expression)}
    # Seen only once something of the kind has happened.
    assert asked - given <= {"provider", "purpose", "what", "outcome", "type"}


@pytest.mark.parametrize("expression", list(_expressions()))
def test_expression_is_well_formed(expression: str) -> None:
    bare = _QUOTED.sub('""', expression)
    for opening, closing in ("()", "{}", "[]"):
        assert bare.count(opening) == bare.count(closing)
    assert all(re.fullmatch(r"\[\d+[smhd]\]", span) for span in _RANGE.findall(bare))
    for call in re.findall(r"\b(?:rate|increase)\(([^()]*)\)", bare):
        assert call.endswith("]"), f"{call} has no range"
        assert re.search(r"_(total|count|sum|bucket)\b", call), f"{call} is no counter"


def test_each_alert_says_how_bad_and_what() -> None:
    rules = _rules()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "look")
        assert rule["annotations"]["summary"]
        assert re.search(r"(>|<|==)\s*[\d.]+$", rule["expr"].strip()), rule["alert"]
        named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        by = _labels(rule["expr"]) | ({"type"} if rule["alert"] == "EventNotRouted" else set())
        assert named <= by, rule["alert"]


def test_each_alert_has_a_runbook_that_names_what_exists() -> None:
    text = (_FOLDER.parents[1] / "docs" / "operations.md").read_text()
    chapter = text.split("\n## When an alert comes\n")[1].split("\n## ")[0]
    runbooks = dict(re.findall(r"^### (\w+)\n(.+?)(?=\n### |\Z)", chapter, re.MULTILINE | re.DOTALL))
    assert list(runbooks) == [rule["alert"] for rule in _rules()]
    settings = {
        name
        for text in runbooks.values()
        for name in re.findall(r"\b(?:BOOKING|NOTIFICATION|REPORTING)_[A-Z_]+", text)
    }
    assert settings <= set(re.findall(r"\b[A-Z]+_[A-Z_]+", text.replace(chapter, "")))


def test_panels_have_places_of_their_own() -> None:
    panels = _dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)


def test_scraped_jobs_are_those_of_the_rules() -> None:
    jobs = {job["job_name"] for job in yaml.safe_load((_FOLDER / "prometheus.yml").read_text())["scrape_configs"]}
    (alert,) = (rule for rule in _rules() if rule["alert"] == "ServiceDown")
    assert jobs == set(re.findall(r'"([^"]*)"', alert["expr"])[0].split("|"))
