"""The bills of materials say what the locks say."""

import re

import pytest

from deploy.sbom import IMAGES, ROOT, bill, read_lock


@pytest.mark.parametrize("image", IMAGES)
def test_every_locked_package_stands_in_the_bill_once_with_its_hashes(image: str) -> None:
    lock = (ROOT / "requirements" / f"{image}.txt").read_text(encoding="utf-8")
    made = bill(image, list(read_lock(lock)))
    pinned = re.findall(r"^([a-z0-9._-]+)(?:\[.*])?==([^ ;\\]+)", lock, re.MULTILINE | re.IGNORECASE)
    assert [(one["name"], one["version"]) for one in made["components"]] == sorted(
        (re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in pinned
    )
    digests = [p["value"] for one in made["components"] for p in one["properties"] if p["name"].endswith("sha256")]
    assert sorted(digests) == sorted(re.findall(r"sha256:([0-9a-f]{64})", lock))
    assert len({one["bom-ref"] for one in made["components"]}) == len(made["components"])


def test_the_same_lock_gives_the_same_bill_and_another_lock_another_number() -> None:
    one, other = (list(read_lock(f"a=={n} \\\n    --hash=sha256:{'0' * 64}\n")) for n in "12")
    assert bill("booking", one) == bill("booking", one)
    assert bill("booking", one)["serialNumber"] != bill("booking", other)["serialNumber"]


@pytest.mark.parametrize("line", ["a>=1", "a==1", "https://a.example/a.whl"])
def test_what_is_not_pinned_with_a_hash_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not pinned with hashes"):
        list(read_lock(f"{line}\n"))


def test_images_and_bills_are_the_same() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert set(re.findall(r"^COPY requirements/(\w+)\.txt", dockerfile, re.MULTILINE)) == {*IMAGES}
