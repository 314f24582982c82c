import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.ports import RANGE_VARIABLE, Ports, is_free, share_of_ports
from shared.setup import Trouble


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_ports_stay_the_same_where_free(tmp_path: Path) -> None:
    first = Ports(file=tmp_path / "ports.json")
    chosen = {name: first.of(name) for name in ("booking", "reporting")}

    second = Ports(file=tmp_path / "ports.json")

    assert {name: second.of(name) for name in chosen} == chosen
    assert len(set(chosen.values())) == 2


def test_remembered_port_that_is_taken_is_replaced(tmp_path: Path, taken: int) -> None:
    (tmp_path / "ports.json").write_text(f'{{"booking": {taken}}}')

    port = Ports(file=tmp_path / "ports.json").of("booking")

    assert port != taken
    assert is_free(port)


def test_wanted_port_that_is_taken_is_said(tmp_path: Path, taken: int) -> None:
    ports = Ports(file=tmp_path / "ports.json", fixed={"booking": taken})

    with pytest.raises(Trouble, match=f"Port {taken} for booking is taken.*BOOKING_PORT"):
        ports.of("booking")


def test_chosen_ports_are_none_the_kernel_hands_out(tmp_path: Path) -> None:
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert Ports(file=tmp_path / "ports.json").of("mongod") < first_outgoing


def test_programs_side_by_side_choose_from_ports_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = []
    for number in range(3):
        monkeypatch.setenv(RANGE_VARIABLE, share_of_ports(number, of=3))
        folder = tmp_path / str(number)
        folder.mkdir()
        ports = Ports(file=folder / "ports.json")
        chosen.append([ports.of(f"service {n}") for n in range(20)])

    first, second, third = chosen
    assert max(first) < min(second) <= max(second) < min(third)
