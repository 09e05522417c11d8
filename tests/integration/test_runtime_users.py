"""Containers in a user namespace of their pod: what they may in it, and that they may nothing elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.linux import netns
from netemu.linux.users import are_possible
from netemu.runtime.container import Mount, User
from netemu.runtime.errors import ControlError
from netemu.runtime.sandbox import BEYOND, CAPABILITIES
from netemu.runtime.syscalls import CAPABILITY_NAMES
from netemu.testing.shims import end_of, has_users, only_where, run_to_end

FIRST_ID = 7 * 65536
needs_users = only_where(has_users() and are_possible())


@pytest.fixture
def theirs(nothing_leaks):
    """A pod's network that belongs to a user namespace, as fields of a container."""
    netns.create("t-pod-users", first_id=FIRST_ID)
    yield {"netns": "t-pod-users", "first_id": FIRST_ID}
    netns.delete("t-pod-users")


EVERYTHING = tuple(CAPABILITY_NAMES)
WAIT = "exec sleep 1000"


def volume_of(places, **files):
    """Make a volume as a kubelet does: all is root's, some only root may read."""
    volume = places / "state/nodes/node-1/pods/p/volumes/v"
    volume.mkdir(parents=True)
    for name, mode in files.items():
        (volume / name).write_text(f"{name}\n")
        (volume / name).chmod(mode)
    return volume


@needs_users
async def test_root_there_is_nobody_here_and_may_all_that_is_the_pods_own(client, spec, theirs, made_of):
    script = """
        cat /proc/self/uid_map
        mkdir -p /tmp/m; mount -t tmpfs none /tmp/m && echo mounted; umount /tmp/m && echo unmounted
        hostname other && hostname
        echo 99 >/proc/sys/net/ipv4/tcp_fin_timeout && cat /proc/sys/net/ipv4/tcp_fin_timeout
        echo x >/dev/stdout
    """
    fields = {"capabilities": EVERYTHING, "writes_sysctls": True, **theirs, **made_of}
    _, said = await run_to_end(client, spec(script, **fields))

    assert said.split() == ["0", str(FIRST_ID), "65536", "mounted", "unmounted", "other", "99", "x"]


@needs_users
async def test_a_network_of_its_own_is_its_to_change(client, spec, theirs):
    script = """
        ip link add br9 type bridge && ip addr add 10.9.0.1/24 dev br9 && ip -br addr show br9
        mkdir /run/netns && ip netns add deeper && ip netns
        ping -c1 127.0.0.1 | grep -o '1 received'
    """
    _, said = await run_to_end(client, spec(script, capabilities=EVERYTHING, **theirs))

    assert "10.9.0.1/24" in said
    assert "deeper" in said
    assert "1 received" in said


@needs_users
async def test_nothing_there_reaches_the_machine(client, spec, theirs, made_of):
    script = """
        umount /proc/sys 2>/dev/null; umount /proc/sysrq-trigger 2>/dev/null; umount /proc/kcore 2>/dev/null
        (echo core >/proc/sys/kernel/core_pattern) 2>/dev/null && echo kernel
        (echo 1 >/proc/sys/vm/drop_caches) 2>/dev/null && echo memory
        (echo h >/proc/sysrq-trigger) 2>/dev/null && echo sysrq
        mkdir -p /tmp/m; mount -t proc proc /tmp/m 2>/dev/null
        (echo core >/tmp/m/sys/kernel/core_pattern) 2>/dev/null && echo fresh
        mknod /tmp/disk b 7 0 2>/dev/null && echo disk
        mount -t devtmpfs dev /tmp/m 2>/dev/null && echo devices
        mount -o remount,rw,bind /usr 2>/dev/null && touch /usr/new 2>/dev/null && echo programs
        date -s @0 >/dev/null 2>&1; [ $(date +%s) -lt 9999 ] && echo time
        (dmesg -c) >/dev/null 2>&1 && echo log
        echo end
    """
    fields = {"capabilities": EVERYTHING, "writes_sysctls": True, "unmasked": True, **theirs, **made_of}
    _, said = await run_to_end(client, spec(script, **fields))

    assert said.split() == ["end"]


@needs_users
async def test_files_of_volumes_are_roots_on_both_sides(client, spec, theirs, places, made_of):
    volume = volume_of(places, secret=0o600)
    mounts = (Mount(source=str(volume), target="/data", read_only=False, below=str(volume)),)
    script = "cat /data/secret; stat -c %u /data/secret; echo x >/data/new; chown 1000 /data/new"
    _, said = await run_to_end(client, spec(script, mounts=mounts, **theirs, **made_of))

    assert said.split() == ["secret", "0"]
    assert (volume / "new").stat().st_uid == 1000


@needs_users
async def test_who_may_mount_cannot_write_what_is_mounted_to_read(client, spec, theirs, places, made_of):
    volume = volume_of(places, config=0o644)
    mounts = (Mount(source=str(volume), target="/data", below=str(volume)),)
    script = "mount -o remount,rw,bind /data; (echo x >/data/config) 2>/dev/null || echo refused"
    _, said = await run_to_end(
        client, spec(script, mounts=mounts, capabilities=EVERYTHING, **theirs, **made_of)
    )

    assert said.endswith("refused\n")
    assert (volume / "config").read_text() == "config\n"


# Says what processes are seen that are none of the container's yet: copies of the shim, and those that
# see more than it. Whoever may look there may trace the process as well, and have what it has.
LOOK = """
import os
own, root = os.readlink("/proc/self/exe"), {*os.listdir("/")}
while True:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            program, other = os.readlink(f"/proc/{pid}/exe"), os.listdir(f"/proc/{pid}/root")
        except OSError:
            continue
        if pid != str(os.getpid()) and (program == own or {*other} - root):
            print(program, other, flush=True)
"""
LOOKS = ("python3", "-Ic", LOOK)


@needs_users
async def test_programs_that_join_are_its_users(client, spec, theirs, made_of):
    await client.create(spec(capabilities=EVERYTHING, **theirs, **made_of))
    script = "cat /proc/self/uid_map; id -u; id -G; grep CapBnd /proc/self/status; echo x >/dev/stdout"
    _, said, _ = await end_of(await client.exec("c1", ["sh", "-c", script]))

    bounds = f"{(1 << len(CAPABILITY_NAMES)) - 1:016x}"
    assert said.decode().split() == ["0", str(FIRST_ID), "65536", "0", "0", "CapBnd:", bounds, "x"]


@needs_users
async def test_nobody_there_can_look_into_those_who_join(client, spec, theirs):
    await client.create(spec(argv=LOOKS, capabilities=EVERYTHING, **theirs))
    for _ in range(20):
        await end_of(await client.exec("c1", ["true"]))

    assert Path(spec().log_path).read_text() == ""


@needs_users
async def test_containers_share_processes_and_do_not_see_what_starts_them(client, spec, theirs, places):
    log = str(places / "state/nodes/node-1/var/log/pods/p/look/0.log")
    shared = {"processes": "shared:pod", **theirs}
    await client.create(spec(argv=LOOKS, log_path=log, id="look", capabilities=EVERYTHING, **shared))
    for number in range(3):
        await client.create(spec(id=f"s{number}", **shared))
    await client.create(spec(id="d1", processes="of:look", **theirs))
    _, said, _ = await end_of(await client.exec("d1", ["ps", "ax", "-o", "args"]))

    assert said.decode().count("sleep 1000") == 4
    assert Path(log).read_text() == ""


@needs_users
async def test_a_user_who_is_not_root_has_its_streams_and_no_group_of_the_machine(client, spec, theirs):
    await client.create(spec(WAIT, user=User(uid=1000, gid=3000), **theirs))
    script = "id -u; id -G; echo x >/dev/stdout; cat /proc/1/status | grep -c 'CapEff.*0000000000000000'"
    _, said, _ = await end_of(await client.exec("c1", ["sh", "-c", script]))

    assert said.decode().split() == ["1000", "3000", "x", "1"]


@needs_users
async def test_a_network_that_is_the_machines_is_no_way_to_more(client, spec):
    with pytest.raises(ControlError, match="does not belong to a user namespace of its own"):
        await client.create(spec(first_id=FIRST_ID, capabilities=EVERYTHING))
    _, said = await run_to_end(client, spec("grep CapBnd /proc/self/status", capabilities=EVERYTHING))

    bounds = sum(1 << CAPABILITY_NAMES.index(name) for name in (*CAPABILITIES, *BEYOND))
    assert int(said.split()[1], 16) == bounds
