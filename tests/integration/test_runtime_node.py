"""A node's shim: what the node is made of, and what a program in it sees."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from netemu.runtime.client import Completed, ShimClient
from netemu.runtime.errors import ControlError, DisconnectedError

PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
# 5.9 MB; 6.2 on a fresh checkout, where the shim compiles its modules, which stays in its heap.
PRIVATE_LIMIT_KB = 8 * 1024


@pytest.fixture
def places() -> Iterator[Path]:
    root = Path("/run/netemu-test")
    (root / "run/nodes/node-1").mkdir(parents=True)
    (root / "state/nodes/node-1").mkdir(parents=True)
    yield root
    subprocess.run(["rm", "-rf", str(root)], check=True)


def argv(places: Path, netns: str) -> list[str]:
    return [
        *(sys.executable, "-m", "netemu.runtime.server", "--node", "node-1", "--hostname", "node-1"),
        *("--netns", netns, "--netns-dir", "/run/netns", "--run", str(places / "run/nodes/node-1")),
        *("--state", str(places / "state/nodes/node-1"), "--cluster-run", str(places / "run")),
    ]


@pytest.fixture
def shim(places: Path, node: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv(places, node))
    yield process
    process.terminate()
    process.wait(30)


@pytest.fixture
async def client(shim: subprocess.Popen[bytes], places: Path) -> AsyncIterator[ShimClient]:
    async with asyncio.timeout(60):
        connection = None
        while connection is None:
            try:
                connection = await ShimClient.connect(places / "run/nodes/node-1/shim.sock")
            except DisconnectedError:
                await asyncio.sleep(0.01)
    yield connection
    await connection.close()


async def said(client: ShimClient, *words: str) -> str:
    done = await client.run(words, env=PATH)
    assert (done.exit_code, done.stderr) == (0, b"")
    return done.stdout.decode()


async def test_the_shim_says_who_it_is(client, shim):
    info = await client.hello()

    assert (info.pid, info.node, info.containers) == (shim.pid, "node-1", ())


async def test_a_node_has_a_name_of_its_own(client):
    assert await said(client, "hostname") == "node-1\n"
    assert await said(client, "cat", "/etc/hostname") == "node-1\n"
    assert socket.gethostname() != "node-1"


async def test_a_node_shows_its_own_network_devices(client):
    await said(client, "ip", "link", "add", "br-test", "type", "bridge")

    assert set((await said(client, "ls", "/sys/class/net")).split()) == {"br-test", "lo"}


async def test_files_of_plugins_are_the_node_s_own_and_stay(client, places):
    for path in ("/etc/cni/net.d/10.conflist", "/opt/cni/bin/tool", "/var/lib/cni/leases", "/var/log/x"):
        await said(client, "mkdir", "-p", os.path.dirname(path))
        await said(client, "touch", path)
        assert (places / f"state/nodes/node-1{path}").exists()
        assert not Path(path).exists()


async def test_what_a_node_writes_elsewhere_in_etc_does_not_reach_the_machine(client, places):
    await said(client, "touch", "/etc/netemu-test-file", "/opt/netemu-test-file", "/run/netemu-test-file")

    found = [path for path in ("/etc", "/opt", "/run") if (Path(path) / "netemu-test-file").exists()]
    assert found == []
    assert (await said(client, "cat", "/etc/debian_version")) == Path("/etc/debian_version").read_text()


async def test_the_machine_s_programs_are_read_only_to_what_starts_containers(client):
    done = await client.run(["/usr/bin/test", "-w", "/proc/self/exe"], env=PATH)

    assert done == Completed(1, b"", b"")


async def test_a_node_sees_of_run_only_its_own_cluster_s(client, places):
    Path("/run/secret").touch()
    listed = (await said(client, "ls", "-A", "/run")).split()
    Path("/run/secret").unlink()

    assert set(listed) == {"lock", "netemu-shim", "netemu-test", "netns"}
    assert (await said(client, "ls", "-A", "/run/netns")) == ""
    assert "shim.sock" in await said(client, "ls", str(places / "run/nodes/node-1"))
    assert "etc" in await said(client, "ls", str(places / "state/nodes/node-1"))


async def test_netemu_s_own_code_runs_in_a_node(client):
    done = await client.run([sys.executable, "-c", "import netemu.errors, msgspec; print('ok')"], env=PATH)

    assert done == Completed(0, b"ok\n", b"")


async def test_nothing_that_a_node_mounts_reaches_the_machine(client, shim):
    before = Path("/proc/self/mountinfo").read_text()
    mount = ["nsenter", "--target", str(shim.pid), "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    await asyncio.to_thread(subprocess.run, mount, check=True)

    assert Path("/proc/self/mountinfo").read_text() == before


async def test_a_pod_s_network_is_given_a_name_in_the_node_and_loses_it(client, first_pod):
    await client.bind_netns(first_pod)
    await client.bind_netns(first_pod)
    links = await said(client, "nsenter", f"--net=/run/netns/{first_pod}", "ip", "-br", "link")
    await client.unbind_netns(first_pod)
    await client.unbind_netns(first_pod)

    assert links.split()[0] == "lo"
    assert await said(client, "ls", "/run/netns") == ""


async def test_a_network_that_does_not_exist_is_not_bound(client):
    with pytest.raises(ControlError, match="No such file"):
        await client.bind_netns("nobody")


async def test_a_deleted_network_is_not_kept_alive_by_a_node(client, shim, second_pod):
    mounts = Path(f"/proc/{shim.pid}/mountinfo").read_text()

    assert second_pod not in mounts


async def test_a_program_gets_its_input_and_gives_its_output_however_long(client):
    data = os.urandom(500_000)

    assert await client.run(["cat"], env=PATH, stdin=data) == Completed(0, data, b"")


async def test_a_program_finds_itself_in_proc_by_its_number(client):
    words = ["sh", "-c", "readlink /proc/$$/ns/net /proc/$$/task/$$/ns/net /proc/self/ns/net"]
    found = (await client.run(words, env=PATH)).stdout.split()

    assert len(found) == 3
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [(["sh", "-c", "exit 3"], 3), (["sh", "-c", "kill -TERM $$"], 143)],
)
async def test_the_exit_code_of_a_program_is_told(client, words, code):
    assert (await client.run(words, env=PATH)).exit_code == code


async def test_a_program_that_does_not_exist_is_an_error(client):
    with pytest.raises(ControlError, match="no-such-program"):
        await client.run(["no-such-program"], env=PATH)


async def test_a_cancelled_program_is_killed(client):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.run(["sh", "-c", "echo $$ >/run/pid; exec sleep 1000"], env=PATH)
    done = await client.run(["sh", "-c", "sleep 0.1; pgrep -x sleep -a | grep 1000"], env=PATH)

    assert done.stdout == b""


async def test_a_node_can_be_entered_from_outside(client, shim):
    entered = ["nsenter", "--target", str(shim.pid), "--net", "--mount", "--uts", "hostname"]

    done = await asyncio.to_thread(subprocess.run, entered, capture_output=True, check=True)

    assert done.stdout == b"node-1\n"


async def test_only_the_owner_may_open_the_control_socket(client, places):
    mode = (places / "run/nodes/node-1/shim.sock").stat().st_mode

    assert stat.S_IMODE(mode) == 0o600


async def test_a_second_shim_of_a_node_refuses_to_start(client, places, node):
    command = argv(places, node)
    second = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60, check=False)

    assert second.returncode != 0
    assert b"another one serves" in second.stderr
    assert (await client.hello()).node == "node-1"


async def test_a_broken_client_does_not_disturb_the_others(client, places):
    with socket.socket(socket.AF_UNIX) as broken:
        broken.connect(str(places / "run/nodes/node-1/shim.sock"))
        broken.sendall(b"\xff\xff\xff\xffnonsense")
        broken.settimeout(30)
        assert broken.recv(1) == b""

    assert (await client.hello()).node == "node-1"


async def test_a_shim_is_light(client, shim):
    rollup = Path(f"/proc/{shim.pid}/smaps_rollup").read_text()
    fields = dict(line.split(":") for line in rollup.splitlines()[1:])

    assert int(fields["Private_Dirty"].split()[0]) < PRIVATE_LIMIT_KB


async def test_sigterm_ends_a_shim_and_takes_its_socket_away(client, shim, places):
    shim.terminate()

    assert shim.wait(10) == 0
    assert not (places / "run/nodes/node-1/shim.sock").exists()
