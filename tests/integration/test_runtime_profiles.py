"""Filters of system calls, and programs that gain privileges, under both kinds of containers."""

from __future__ import annotations

import json

import pytest

from netemu.runtime.container import Mount, User
from netemu.runtime.errors import ControlError
from netemu.testing.shims import end_of, has_users, only_where, run_to_end

FILTERED = "grep Seccomp: /proc/self/status; unshare -u true 2>/dev/null || echo refused; true & wait"
INSIDE = ["sh", "-c", FILTERED]


async def test_calls_of_a_container_are_filtered_and_of_programs_that_join_it(client, spec, made_of):
    _, said = await run_to_end(client, spec(FILTERED, seccomp=True, **made_of))
    await client.create(spec(id="c2", seccomp=True, **made_of))
    _, joined, _ = await end_of(await client.exec("c2", INSIDE))

    assert said.split()[:3] == ["Seccomp:", "2", "refused"]
    assert joined.decode().split() == ["Seccomp:", "2", "refused"]


async def test_calls_are_not_filtered_unless_asked_for(client, spec, made_of):
    _, said = await run_to_end(client, spec(FILTERED, **made_of))

    assert said.split()[:2] == ["Seccomp:", "0"]


async def test_containers_that_share_processes_are_filtered_too(client, spec):
    await client.create(spec(id="c0", processes="shared:pod"))
    _, said = await run_to_end(client, spec(FILTERED, processes="shared:pod", seccomp=True))

    assert said.split()[:2] == ["Seccomp:", "2"]


# what a program needs to write a word, and no more: neither users nor capabilities can be changed any more.
# (fstatfs and getdents64 are for runc.)
ENOUGH = """
access arch_prctl fstatfs getdents64
brk chdir clock_nanosleep clone close copy_file_range dup2 execve exit exit_group
faccessat2 fadvise64 fcntl fstat futex getcwd getegid geteuid getgid getpgrp getpid getppid
getrandom getuid ioctl lseek mmap mprotect munmap nanosleep newfstatat open openat poll prctl
pread64 prlimit64 read readlink readv rseq rt_sigaction rt_sigprocmask rt_sigreturn sendfile
set_robust_list set_tid_address sigaltstack splice stat sysinfo uname vfork wait4 write writev
"""
ALLOWED = {"names": ENOUGH.split(), "action": "SCMP_ACT_ALLOW"}
PROFILE = json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ALLOWED]})


@only_where(has_users())
async def test_a_nodes_own_profile_filters_the_command_and_nothing_before_it(client, spec, made_of):
    fields = {"seccomp": True, "profile": PROFILE, "user": User(uid=1000), **made_of}
    script = "grep Seccomp: /proc/self/status; (cd /; echo here); mkdir /tmp/new || echo refused"
    _, said = await run_to_end(client, spec(script, **fields))
    await client.create(spec(id="c2", **fields))
    _, joined, _ = await end_of(await client.exec("c2", ["sh", "-c", f"({script}) 2>/dev/null"]))

    assert [line for line in said.splitlines() if "mkdir" not in line] == ["Seccomp:\t2", "here", "refused"]
    assert joined.decode().split() == ["Seccomp:", "2", "here", "refused"]


async def test_a_profile_that_no_filter_can_be_made_of_is_told(client, spec):
    with pytest.raises(ControlError, match="string SCMP_ACT_NOTIFY is not a valid action for seccomp"):
        await client.create(spec(seccomp=True, profile='{"defaultAction": "SCMP_ACT_NOTIFY"}'))


async def test_no_file_that_a_container_makes_is_a_device(client, spec, made_of, places):
    volume = places / "run/data"
    volume.mkdir()
    mounts = (
        Mount(source=str(volume), target="/srv", read_only=False),
        Mount(source=str(volume), target="/media"),
    )
    script = """
        for d in / /tmp /dev /dev/shm /srv; do
            mknod $d/zeros c 1 5 2>/dev/null; (head -c1 $d/zeros) >/dev/null 2>&1 && echo $d
        done
        (head -c1 /media/zeros) >/dev/null 2>&1 && echo /media
        head -c4 /dev/zero | wc -c
    """
    _, said = await run_to_end(client, spec(script, mounts=mounts, **made_of))

    assert said.split() == ["4"]


async def test_a_volume_can_be_without_programs(client, spec, made_of, places):
    volume = places / "run/data"
    volume.mkdir()
    (volume / "run").write_text("#!/bin/sh\necho $0 $1\n")
    (volume / "run").chmod(0o755)
    mounts = (Mount(source=str(volume), target="/srv", no_exec=True),)
    _, said = await run_to_end(
        client, spec("/srv/run itself 2>/dev/null || sh /srv/run read", mounts=mounts, **made_of)
    )

    assert said.split() == ["/srv/run", "read"]


async def test_what_of_proc_and_sys_is_the_machines_is_hidden_or_only_read(client, spec, made_of):
    script = """
        for f in interrupts kcore keys latency_stats sched_debug timer_list timer_stats; do
            head -c1 /proc/$f 2>/dev/null
        done
        for d in /proc/acpi /proc/asound /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do
            ls -A $d 2>/dev/null
        done
        for f in sysrq-trigger sys/kernel/core_pattern sys/vm/drop_caches irq/default_smp_affinity; do
            [ -e /proc/$f ] && (echo h >/proc/$f) 2>/dev/null && echo wrote $f
        done
        echo end
    """
    _, said = await run_to_end(client, spec(script, **made_of))

    assert said.split() == ["end"]


@only_where(has_users())
@pytest.mark.parametrize(("gains", "wanted"), [(True, "0"), (False, "1")])
async def test_privileges_can_be_gained_where_that_is_allowed(client, spec, image, gains, wanted):
    script = "grep NoNewPrivs /proc/self/status"
    _, said = await run_to_end(client, spec(script, gains_privileges=gains, **image))
    await client.create(spec(id="c2", gains_privileges=gains, **image))
    _, joined, _ = await end_of(await client.exec("c2", ["sh", "-c", script]))

    assert said.split()[1] == joined.decode().split()[1] == wanted
