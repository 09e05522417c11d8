"""Leases under many processes, some of which are killed in the middle of their work."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from cni_plugins.leases import Leases, Owner
from netemu.ipam.allocator import SubnetExhaustedError, whole_range

ROOT = Path(__file__).resolve().parents[2]
POOL = whole_range(IPv4Network("10.9.0.0/24"))
WORKER = """
import sys
from ipaddress import IPv4Network
from pathlib import Path
from cni_plugins.leases import Leases, Owner
from netemu.ipam.allocator import whole_range
pool, leases, name = whole_range(IPv4Network("10.9.0.0/24")), Leases(Path(sys.argv[1])), sys.argv[2]
sys.stdout.write("ready\\n")
sys.stdout.flush()
for turn in range(int(sys.argv[3])):
    owner = Owner(f"{name}-{turn % 12}", "eth0")
    (ip,) = leases.acquire(owner, [pool])
    sys.stdout.write(f"{owner} {ip}\\n")
    sys.stdout.flush()
    if turn % 3 == 0:
        leases.release(owner)
        sys.stdout.write(f"{owner} -\\n")
        sys.stdout.flush()
"""


def start(directory: Path, name: str, turns: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(directory), name, str(turns)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )


def owners_by_file(directory: Path) -> dict[str, str]:
    return {str(ip): holder for ip, holder in Leases(directory).held().items()}


def assert_consistent(directory: Path) -> None:
    """Every address that has an owner is the one that this owner's file names, and no other's."""
    held = owners_by_file(directory)
    intended = {path.name: path.read_text() for path in (directory / "containers").iterdir()}
    assert all(intended[holder] == f"{holder} {ip}" for ip, holder in held.items())
    assert max(Counter(held.values()).values(), default=1) == 1


def test_processes_at_the_same_time_never_lease_one_address_twice(tmp_path):
    workers = [start(tmp_path, f"w{n}", 60) for n in range(4)]
    lines = [
        line.split() for worker in workers for line in worker.communicate(timeout=60)[0].splitlines()[1:]
    ]

    last = {owner: ip for owner, ip in lines if ip != "-"}
    held = owners_by_file(tmp_path)
    assert all(worker.returncode == 0 for worker in workers)
    assert {holder: ip for ip, holder in held.items()}.items() <= last.items()
    assert_consistent(tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_processes_killed_in_the_middle_never_cost_or_double_a_lease(tmp_path, seed):
    dice = random.Random(seed)
    for round_ in range(5):
        workers = [start(tmp_path, f"w{n}", 100_000) for n in range(3)]
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
            for _ in range(dice.randrange(1, 40)):
                worker.stdout.readline()
            os.kill(worker.pid, signal.SIGKILL)
            worker.stdout.close()
            worker.wait()
        assert_consistent(tmp_path)
        assert Leases(tmp_path).acquire(Owner(f"after-{round_}", "eth0"), [POOL])[0] in POOL

    leases = Leases(tmp_path)
    for owner in {path.name for path in (tmp_path / "containers").iterdir()}:
        leases.release(Owner(*owner.split(":")))
    assert leases.held() == {}


def test_the_address_of_a_process_that_was_killed_can_be_leased_by_its_own_container(tmp_path):
    leases = Leases(tmp_path)
    (first,) = leases.acquire(Owner("a", "eth0"), [POOL])
    (tmp_path / str(first)).unlink()  # killed after it wrote its intention, before its claim

    assert leases.acquire(Owner("a", "eth0"), [POOL]) == (first,)


def test_an_intention_that_another_took_meanwhile_is_replaced(tmp_path):
    leases = Leases(tmp_path)
    (first,) = leases.acquire(Owner("a", "eth0"), [POOL])
    (tmp_path / str(first)).unlink()
    (tmp_path / str(first)).write_text("b:eth0")

    assert leases.acquire(Owner("a", "eth0"), [POOL]) != (first,)
    assert leases.held()[first] == "b:eth0"


def test_threads_at_the_same_time_never_lease_one_address_twice(tmp_path):
    leases, got = Leases(tmp_path), []

    def work(name: str) -> None:
        got.extend(leases.acquire(Owner(f"{name}{n}", "eth0"), [POOL]) for n in range(20))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == len(set(got)) == 120


def test_addresses_come_round_robin_and_the_same_owner_keeps_its_own(tmp_path):
    leases = Leases(tmp_path)
    (first,) = leases.acquire(Owner("a", "eth0"), [POOL])
    leases.release(Owner("a", "eth0"))

    assert leases.acquire(Owner("b", "eth0"), [POOL]) == (first + 1,)
    assert leases.acquire(Owner("b", "eth0"), [POOL]) == (first + 1,)
    assert leases.find(Owner("a", "eth0")) == ()


def test_an_exhausted_subnet_says_how_many_leases_it_holds(tmp_path):
    small, leases = whole_range(IPv4Network("10.9.0.0/29")), Leases(tmp_path)
    got = {ip for n in range(5) for ip in leases.acquire(Owner(f"c{n}", "eth0"), [small])}

    assert got == {IPv4Address(f"10.9.0.{n}") for n in range(2, 7)}
    with pytest.raises(SubnetExhaustedError, match=r"10\.9\.0\.0/29: 5 leases held"):
        leases.acquire(Owner("one-more", "eth0"), [small])


def test_the_program_leases_and_releases_without_netemu(cni_node, tmp_path):
    conf = {
        "cniVersion": "1.0.0",
        "name": "alone",
        "ipam": {"subnet": "10.9.0.0/24", "dataDir": str(tmp_path), "routes": [{"dst": "0.0.0.0/0"}]},
    }
    environ = {"CNI_CONTAINERID": "c1", "CNI_NETNS": "/run/netns/x", "CNI_IFNAME": "eth0"}

    exit_code, answer = cni_node.run_program("ipam", {**environ, "CNI_COMMAND": "ADD"}, conf)
    released, nothing = cni_node.run_program("ipam", {**environ, "CNI_COMMAND": "DEL"}, conf)

    assert (exit_code, released, nothing) == (0, 0, None)
    assert answer["ips"] == [{"address": "10.9.0.2/24", "gateway": "10.9.0.1"}]
    assert json.dumps(answer["routes"]) == '[{"dst": "0.0.0.0/0"}]'
    assert Leases(tmp_path / "alone").held() == {}
