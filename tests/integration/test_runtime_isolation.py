"""What a container cannot reach: the machine, the node, netemu itself, other containers."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from netemu.runtime.container import User
from netemu.runtime.logfile import ROTATE_AT_BYTES
from netemu.runtime.logs import read_log
from netemu.testing.shims import end_of, has_users, only_where, run_to_end


@pytest.fixture
def abstract_socket() -> Iterator[str]:
    """A Unix socket of the machine without a file."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(b"\0netemu-test")
        listener.listen()
        yield "netemu-test"


async def test_no_file_of_netemu_or_of_the_machine_is_there(client, spec, places):
    paths = "/run/netemu-test /run/netns /root/.ssh /home/* /var/lib/dpkg /etc/shadow /etc/ssh /boot /opt/*"
    checkout = Path(__file__).parents[2]
    _, said = await run_to_end(client, spec(f"ls -d {paths} {checkout} 2>/dev/null; ls -A / | sort"))

    assert said.split() == [
        *("bin", "dev", "etc", "home", "lib", "lib64", "mnt", "opt", "proc", "root"),
        *("run", "sbin", "srv", "sys", "tmp", "usr", "var"),
    ]


async def test_no_unix_socket_of_the_machine_can_be_reached(client, spec, abstract_socket):
    program = f'import socket; socket.socket(socket.AF_UNIX).connect("\\0{abstract_socket}")'
    script = f"python3 -c '{program}' 2>&1 | tail -1; grep -c . /proc/net/unix"
    _, said = await run_to_end(client, spec(script))

    assert said.splitlines() == ["ConnectionRefusedError: [Errno 111] Connection refused", "1"]


async def test_processes_of_others_can_be_neither_seen_nor_traced_nor_killed(client, spec):
    other = await client.create(spec(id="other"))
    _, said = await run_to_end(client, spec(f"ls -d /proc/[0-9]* | wc -l; kill -9 {other.pid}; kill -9 -1"))

    assert int(said.split()[0]) <= 4
    assert {state.id: state.running for state in await client.list()}["other"]


@pytest.mark.parametrize("user", [User(), *([User(uid=1000, gid=1000)] if has_users() else [])])
async def test_what_takes_a_privilege_is_refused(client, spec, user):
    attempts = {
        "mount": "mount -t tmpfs none /mnt",
        "make-writable": "mount -o remount,rw,bind /usr",
        "uncover": "umount /etc/passwd",
        "device": "mknod /dev/mem c 1 1 && head -c1 /dev/mem",
        "namespace": "unshare --net true",
        "name": "hostname other",
        "sysctl": "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "sysrq": "echo b > /proc/sysrq-trigger",
        "links": "ip link set lo down",
        "control-groups": "ls /sys/fs/cgroup/*/*",
        "kernel-log": "dmesg | grep .",
    }
    script = "\n".join(f"({words}) >/dev/null 2>&1 && echo {name}" for name, words in attempts.items())
    _, said = await run_to_end(client, spec(f"{script}\necho done", user=user))

    assert said.split() == ["done"]


@only_where(has_users())
async def test_a_program_that_would_gain_privileges_by_its_file_does_not(client, spec):
    script = "cp /usr/bin/id /tmp/id; chmod u+s /tmp/id; exec setpriv --reuid 1000 --clear-groups /tmp/id -u"
    _, said = await run_to_end(client, spec(script))

    assert said.split() == ["1000"]


async def test_programs_that_join_are_as_confined_as_the_container(client, spec):
    await client.create(spec())
    script = "mount -t tmpfs none /mnt; grep -E 'NoNewPrivs|CapEff' /proc/self/status; ls /proc/self/fd"
    _, said, complaint = await end_of(await client.exec("c1", ["sh", "-c", script]))
    words = said.decode().split()

    assert words[:4] == ["CapEff:", "00000000a80425fb", "NoNewPrivs:", "1"]
    assert set(words[4:]) <= {"0", "1", "2", "3"}
    assert b"permission denied" in complaint.lower()


async def test_a_container_that_prints_without_end_keeps_five_files_and_is_followed(client, spec):
    wanted = spec("yes 0123456789012345678901234567890123456789 | head -n 140000; echo the end")
    ended = client.events()
    await client.create(wanted)
    seen = bytearray()
    async with asyncio.timeout(60):
        async for chunk in read_log(Path(wanted.log_path), follow=True, ended=lambda: False):
            seen = (seen + chunk)[-100:]
    await anext(ended)
    sizes = [path.stat().st_size for path in Path(wanted.log_path).parent.iterdir()]

    assert seen.endswith(b"the end\n")
    assert 1 < len(sizes) <= 5
    assert max(sizes) <= ROTATE_AT_BYTES
    assert os.path.exists(wanted.log_path)
