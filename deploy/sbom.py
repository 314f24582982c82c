"""What each image is made of, as CycloneDX 1.6, from its locked requirements: `python -m deploy.sbom FOLDER`.

The lock alone is read, so the same lock gives the same bytes, on any machine, without a network.
"""

import json
import re
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
IMAGES = ("booking", "notification", "reporting", "mail")
_PACKAGE = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*])?==(?P<version>[^ ;\\]+)(?: ?; (?P<marker>[^\\]+?))? ?\\?$"
)
_HASH = re.compile(r"^ {4}--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Locked:
    """One line of a lock with the files that may be installed for it."""

    name: str
    version: str
    marker: str | None
    sha256: tuple[str, ...]


def read_lock(text: str) -> Iterator[Locked]:
    """Raises ValueError where a line says something else than a pinned package with its hashes."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    for block in filter(str.strip, blocks):
        first, *rest = block.splitlines()
        found = _PACKAGE.match(first)
        hashes = tuple(sorted(match[1] for line in rest if (match := _HASH.match(line))))
        if found is None or not hashes:
            raise ValueError(f"not pinned with hashes: {first!r}")
        name = re.sub(r"[-_.]+", "-", found["name"]).lower()
        yield Locked(name, found["version"], found["marker"], hashes)


def bill(image: str, packages: list[Locked]) -> dict[str, Any]:
    """No time and no random number stands in it: the serial number follows from what is listed."""
    components = [_component(one) for one in sorted(packages, key=lambda one: (one.name, one.version))]
    listed = json.dumps(components, sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'amtstermin/{image}/{listed}')}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"amtstermin-{image}",
                "name": f"amtstermin-{image}",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
    }


def _component(package: Locked) -> dict[str, Any]:
    address = f"pkg:pypi/{package.name}@{package.version}"
    # A component has one digest; a package has a file per platform, each of which the lock allows.
    properties = [{"name": "amtstermin:file:sha256", "value": digest} for digest in package.sha256]
    if package.marker:
        properties.append({"name": "amtstermin:marker", "value": package.marker})
    return {
        "type": "library",
        "bom-ref": address,
        "name": package.name,
        "version": package.version,
        "purl": address,
        "properties": properties,
    }


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for image in IMAGES:
        lock = (ROOT / "requirements" / f"{image}.txt").read_text(encoding="utf-8")
        made = bill(image, list(read_lock(lock)))
        file = folder / f"{image}.cdx.json"
        file.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{file}: {len(made['components'])} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
