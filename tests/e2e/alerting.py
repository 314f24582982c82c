"""As much of Prometheus as deploy/monitoring/rules.yml asks for: two looks at /metrics, and what a rule says."""

import operator
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]

_RULE = re.compile(r"^(?P<body>.+) (?P<by>>|<|==) (?P<number>[\d.]+)$", re.DOTALL)
_GROUPED = re.compile(r"^(?P<how>sum|min|max)(?: by \((?P<by>[^)]*)\))? ?\((?P<inner>.*)\)$", re.DOTALL)
_GROWTH = re.compile(r"^(?P<how>rate|increase)\((?P<series>.+)\[\d+[smh]\]\)$")
_QUANTILE = re.compile(r"^histogram_quantile\((?P<share>[\d.]+), (?P<inner>.*)\)$", re.DOTALL)
_SERIES = re.compile(r"^(?P<name>\w+)(?:\{(?P<matchers>.*)\})?$")
_MATCHER = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {">": operator.gt, "<": operator.lt, "==": operator.eq}
_GATHER: Mapping[str, Callable[[Iterable[float]], float]] = {"sum": sum, "min": min, "max": max}


@dataclass(frozen=True)
class Look:
    """All samples of all services, and when."""

    at: float
    samples: Mapping[str, Vector]


def look(urls: Mapping[str, str]) -> Look:
    samples: dict[str, Vector] = {"up": {}}
    for job, url in urls.items():
        of = {("job", job), ("instance", url)}
        text = _exposed(url)
        samples["up"][frozenset(of)] = float(text is not None)
        for family in text_string_to_metric_families(text or ""):
            for sample in family.samples:
                samples.setdefault(sample.name, {})[frozenset(of | set(sample.labels.items()))] = sample.value
    return Look(time.monotonic(), samples)


def fires(expression: str, *, before: Look, now: Look) -> bool:
    """Raises ValueError for what it cannot read."""
    rule = _matched(_RULE, expression.strip())
    found = _value(rule["body"].strip(), before, now)
    return any(_COMPARE[rule["by"]](value, float(rule["number"])) for value in found.values())


def _exposed(url: str) -> str | None:
    try:
        return httpx.get(f"{url}/metrics", timeout=5).text
    except httpx.TransportError:
        return None


def _value(body: str, before: Look, now: Look) -> Vector:
    above, _, below = body.partition(") / ")
    if below:
        divisors = _value(below.strip(), before, now)
        shares = _value(f"{above})".strip(), before, now)
        return {key: value / divisors[key] for key, value in shares.items() if divisors.get(key)}
    if quantile := _QUANTILE.match(body):
        return _quantile(float(quantile["share"]), _value(quantile["inner"], before, now))
    if grouped := _GROUPED.match(body):
        names = {name.strip() for name in (grouped["by"] or "").split(",")}
        groups: dict[Labels, list[float]] = {}
        for labels, value in _value(grouped["inner"], before, now).items():
            groups.setdefault(frozenset(pair for pair in labels if pair[0] in names), []).append(value)
        return {key: _GATHER[grouped["how"]](values) for key, values in groups.items()}
    if growth := _GROWTH.match(body):
        old = _select(growth["series"], before)
        seconds = now.at - before.at if growth["how"] == "rate" else 1.0
        grown = _select(growth["series"], now)
        return {key: max(0.0, value - old.get(key, 0.0)) / seconds for key, value in grown.items()}
    return _select(body, now)


def _quantile(share: float, buckets: Vector) -> Vector:
    """The upper edge of the bucket that holds it: never less than what Prometheus says, which interpolates."""
    found: dict[Labels, list[tuple[float, float]]] = {}
    for labels, below in buckets.items():
        found.setdefault(frozenset(pair for pair in labels if pair[0] != "le"), []).append(
            (float(dict(labels)["le"]), below)
        )
    edges = {labels: sorted(steps) for labels, steps in found.items()}
    return {
        labels: next(edge for edge, below in steps if below >= share * steps[-1][1])
        for labels, steps in edges.items()
        if steps[-1][1]
    }


def _select(series: str, of: Look) -> Vector:
    found = _matched(_SERIES, series)
    wanted = _MATCHER.findall(found["matchers"] or "")
    vector = of.samples.get(found["name"], {})
    return {labels: value for labels, value in vector.items() if all(_fits(dict(labels), *one) for one in wanted)}


def _fits(labels: Mapping[str, str], name: str, how: str, wanted: str) -> bool:
    value = labels.get(name, "")
    if how == "=~":
        return re.fullmatch(wanted, value) is not None
    return (value == wanted) is (how == "=")


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    found = pattern.match(" ".join(text.split()))
    if found is None:
        raise ValueError(f"cannot be read: {text!r}")
    return found
