"""What containers may: users, capabilities, what they can write, whose processes they see."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from netemu.runtime.container import Limits, Mount, User
from netemu.runtime.errors import ControlError
from netemu.runtime.sandbox import BEYOND, CAPABILITIES
from netemu.testing.shims import end_of, eventually_equal, has_users, only_where, processes, run_to_end

needs_users = only_where(has_users())

ALICE = User(uid=1000, gid=3000, groups=(4000, 5000))


def fields(status: str) -> dict[str, str]:
    return {
        key: " ".join(rest.split()) for key, _, rest in (line.partition(":") for line in status.splitlines())
    }


@needs_users
async def test_a_user_without_an_entry_in_passwd_has_ids_groups_a_name_and_a_home(client, spec):
    _, said = await run_to_end(client, spec("id -u; id -g; id -G; whoami; echo $HOME", user=ALICE))

    assert said.splitlines() == ["1000", "3000", "3000 4000 5000", "1000", "/"]


@needs_users
async def test_a_user_who_is_not_root_has_no_capability_and_none_to_gain_but_the_bounds(client, spec):
    _, said = await run_to_end(client, spec("grep -E '^(Cap|NoNew)' /proc/self/status", user=ALICE))
    status = fields(said)

    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert (status["CapBnd"], status["NoNewPrivs"]) == ("00000000a80425fb", "1")


@needs_users
async def test_a_user_can_write_to_its_streams_by_name(client, spec):
    _, said = await run_to_end(client, spec("echo out >/dev/stdout; echo err >/dev/stderr", user=ALICE))

    assert sorted(said.split()) == ["err", "out"]


@needs_users
async def test_programs_that_join_are_the_containers_user(client, spec):
    await client.create(spec(user=ALICE, capabilities=("net_raw",)))
    script = "id -u; id -G; grep CapBnd /proc/self/status; echo x >/dev/stdout; tty"
    code, said, _ = await end_of(await client.exec("c1", ["sh", "-c", script]))
    terminal = await client.exec("c1", ["sh", "-c", "echo on >$(tty)"], tty=True)

    assert said.decode().split()[:6] == ["1000", "3000", "4000", "5000", "CapBnd:", f"{1 << 13:016x}"]
    assert (await end_of(terminal))[1] == b"on\r\n"
    assert code == 1  # of tty


@pytest.mark.parametrize(
    ("capabilities", "bounds"),
    [
        pytest.param((), 0, id="none"),
        pytest.param(("net_bind_service",), 1 << 10, id="one"),
        pytest.param(("chown", "net_admin"), 1 << 0 | 1 << 12, id="one-beyond-the-default"),
    ],
)
async def test_root_has_the_capabilities_that_it_is_given(client, spec, capabilities, bounds):
    _, said = await run_to_end(client, spec("grep -E '^Cap' /proc/self/status", capabilities=capabilities))

    assert {name: int(value, 16) for name, value in fields(said).items()} == {
        **dict.fromkeys(("CapPrm", "CapEff", "CapBnd"), bounds),
        **dict.fromkeys(("CapInh", "CapAmb"), 0),
    }


async def test_a_container_with_everything_there_is_cannot_reach_the_machine(client, spec):
    script = """
        mount -t tmpfs none /mnt 2>/dev/null && echo mounted
        mount -o remount,rw /usr 2>/dev/null && echo remounted
        (echo core >/proc/sys/kernel/core_pattern) 2>/dev/null && echo kernel
        mknod /tmp/disk b 7 0 2>/dev/null; (head -c1 /tmp/disk) 2>/dev/null && echo disk
        unshare --mount true 2>/dev/null && echo unshared
        nsenter --target 1 --mount true 2>/dev/null && echo entered
        date -s @0 >/dev/null 2>&1 && echo time
        echo 1 >/proc/sys/net/ipv4/ip_forward && echo net
        ip link add d0 type dummy 2>/dev/null || ip link add d0 type bridge && echo link
    """
    capabilities = ("chown", "mknod", "sys_chroot", "dac_override", *BEYOND)
    _, said = await run_to_end(client, spec(script, capabilities=capabilities, writes_sysctls=True))

    assert said.split() == ["net", "link"]


async def test_a_read_only_root_leaves_volumes_and_dev_to_write(client, spec, places):
    volume = places / "run/data"
    volume.mkdir()
    mounts = (Mount(source=str(volume), target="/var/data", read_only=False),)
    directories = "/ /tmp /var /run /root /etc /var/data /dev/shm"
    script = f"for d in {directories}; do (echo x >$d/x) 2>/dev/null && echo $d; done"
    _, said = await run_to_end(client, spec(script, mounts=mounts, read_only=True))

    assert said.split() == ["/var/data", "/dev/shm"]


async def test_a_volume_can_be_memory_that_goes_with_its_directory(client, spec, places):
    volume = places / "run/memory"
    volume.mkdir(mode=0o700)
    made = {"read_only": False, "memory_at": str(volume), "memory_bytes": 1 << 20}
    mounts = (
        Mount(source=str(volume), target="/all", **made),
        Mount(source=f"{volume}/part", target="/part", **made),
    )
    script = "echo x >/part/x; stat -f -c '%T' /part; stat -c %a /all; ls -R /all; ln -s /root /all/evil"
    _, said = await run_to_end(client, spec(script, mounts=mounts))
    outward = (Mount(source=f"{volume}/evil", target="/evil", **made),)
    with pytest.raises(ControlError, match="leads out of its volume"):
        await client.create(spec(id="c2", mounts=outward))
    seen_here = list(volume.iterdir())
    volume.rmdir()

    assert said.split() == ["tmpfs", "700", "/all:", "part", "/all/part:", "x"]
    assert seen_here == []


async def test_a_container_that_fills_its_disk_is_told_so(client, spec):
    script = "head -c 9000000 /dev/zero >/tmp/big || rm /tmp/big; echo x >/var/small && echo goes on"
    _, said = await run_to_end(client, spec(script, limits=Limits(disk_bytes=4 << 20)))

    assert "No space left on device" in said
    assert said.splitlines()[-1] == "goes on"


@needs_users
async def test_sysctls_of_the_pods_network_are_set_before_the_command_runs(client, spec):
    sysctls = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}
    script = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; timeout 1 nc -l 80 & ping -c1 127.0.0.1"
    _, said = await run_to_end(client, spec(script, sysctls=sysctls, user=ALICE))

    assert said.startswith("0\n")
    assert "1 received" in said or "Network is unreachable" in said


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("net.ipv4.no_such", "open /proc/sys/net/ipv4/no_such: no such file or directory"),
        ("net.ipv4.ip_forward", "write /proc/sys/net/ipv4/ip_forward: invalid argument"),
    ],
)
async def test_a_sysctl_that_cannot_be_set_is_named(client, first_pod, name, why):
    with pytest.raises(ControlError, match=f"OCI runtime create failed: .*: {why}$"):
        await client.set_sysctls(first_pod, {name: "x"})


@needs_users
async def test_root_of_a_container_sees_packets(client, spec):
    script = """
        tcpdump --immediate-mode -c1 -ni lo icmp 2>/dev/null & dump=$!
        while kill -0 $dump 2>/dev/null; do ping -c1 -W1 127.0.0.1 >/dev/null; done
    """
    _, said = await run_to_end(client, spec(script))

    assert "127.0.0.1 > 127.0.0.1: ICMP echo request" in said


@needs_users
async def test_containers_can_share_their_processes(client, spec):
    await client.create(spec("exec sleep 1234", processes="shared:pod", user=ALICE))
    ended = client.events()
    await client.create(
        spec("sleep 777 & ps ax; kill $(pidof -s sleep)", id="c2", processes="shared:pod", user=ALICE)
    )
    state = await anext(ended)
    said = Path(spec().log_path).read_text()

    assert "sleep 1234" in said
    assert said.count(" /pause ") == 1
    assert state.exit_code in (0, 143)


async def test_the_first_of_shared_processes_is_in_no_network_that_others_have(client, spec, node):
    nodes = f"net:[{os.stat(f'/run/netns/{node}').st_ino}]"
    script = "readlink /proc/1/ns/net; readlink /proc/self/ns/net"
    _, said = await run_to_end(client, spec(script, processes="shared:pod"))
    of_first, of_pod = said.split()

    assert len({of_first, of_pod, nodes}) == 3


async def test_nothing_is_left_of_a_container_that_shared_its_processes(client, spec):
    before = processes()
    await client.create(spec("sleep 1001 & exec sleep 1002", processes="shared:pod"))
    await client.create(spec("setsid sleep 1003 & exec sleep 1004", id="c2", processes="shared:pod"))
    await client.remove("c1")
    others = await client.exec("c2", ["ps", "ax", "-o", "args"])
    _, said, _ = await end_of(others)
    await client.remove("c2")

    assert b"1001" not in said
    assert b"1003" in said
    assert await asyncio.to_thread(eventually_equal, processes, before)


async def test_a_container_can_see_the_processes_of_another(client, spec):
    await client.create(spec("exec sleep 1234"))
    _, said = await run_to_end(client, spec("cat /proc/1/cmdline; echo $$", id="c2", processes="of:c1"))

    assert "1234" in said
    with pytest.raises(ControlError, match="no container c9"):
        await client.create(spec(id="c3", processes="of:c9"))


async def test_no_process_that_others_show_leads_out_of_the_sandbox(client, spec, places):
    await client.create(spec("exec sleep 1234", processes="shared:pod"))
    await client.create(spec("exec sleep 1000", id="worker", sandboxed=False))
    script = "ps ax -o args; cat /proc/[0-9]*/root/run/netemu-test/run/secret 2>/dev/null"
    (places / "run/secret").write_text("found a way out")
    may = {"processes": "shared:pod", "capabilities": (*CAPABILITIES, *BEYOND)}
    _, said = await run_to_end(client, spec(script, id="c2", **may))

    assert "sleep 1234" in said
    assert "pytest" not in said
    assert "found a way out" not in said


async def test_a_container_can_share_the_nodes_ipc_but_not_the_machines(client, spec):
    _, said = await run_to_end(client, spec("readlink /proc/self/ns/ipc", node_ipc=True))
    _, other = await run_to_end(client, spec("readlink /proc/self/ns/ipc", id="c2"))

    assert len({said.split()[0], other.split()[-1], os.readlink("/proc/self/ns/ipc")}) == 3


@needs_users
async def test_kill_9_of_the_shim_ends_shared_processes_too(client, spec, shim):
    before = {pid for pid in processes() if pid != shim.pid}
    await client.create(spec("sleep 1001 & exec sleep 1002", processes="shared:pod", user=ALICE))
    shim.send_signal(signal.SIGKILL)
    shim.wait()

    assert await asyncio.to_thread(lambda: eventually_equal(lambda: processes() - before, set()))
