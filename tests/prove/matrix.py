"""All rows of the fault matrix, wherever they are made."""

import importlib
import pkgutil
from types import ModuleType

from tests.prove import faults, probes
from tests.prove.faults import LAST_ROW, ROWS, Fault


def rows() -> list[Fault]:
    """In order; raises LookupError where one is missing."""
    for package in (faults, probes):
        _import_all(package)
    missing = set(range(1, LAST_ROW + 1)) - set(ROWS)
    if missing:
        raise LookupError(f"the matrix lacks rows {sorted(missing)}")
    return [ROWS[row] for row in sorted(ROWS)]


def _import_all(package: ModuleType) -> None:
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
