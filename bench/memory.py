"""`memory`: the highest resident memory of each service with its children, in whatever the figures before did."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.stage import Stage

MOST_MIB = {"booking": 150, "notification": 150, "reporting": 300}


@dataclass(frozen=True, slots=True)
class Memory:
    by_service_mib: Mapping[str, float]

    @property
    def reached(self) -> bool:
        return all(mib <= MOST_MIB[service] for service, mib in self.by_service_mib.items())


def measure(stage: Stage) -> Memory:
    """Of services that no figure has started: what they take to start."""
    with stage.running(*(MOST_MIB.keys() - stage.peaks.keys())):
        pass
    return Memory({service: round(stage.peaks[service] / 1024, 1) for service in MOST_MIB})
