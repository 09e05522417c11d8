"""The filter refuses what containerd's default profile refuses, and nothing that programs need."""

from __future__ import annotations

import pytest

from netemu.runtime.seccomp import default_filter
from netemu.testing.filters import run_filter

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, NOT_PERMITTED, NOT_THERE = "allowed", "EPERM", "ENOSYS"
RESULTS = {0x7FFF0000: ALLOWED, 0x00050001: NOT_PERMITTED, 0x00050026: NOT_THERE}
NEW_NETWORK, THREAD = 0x40000000, 0x3D0F00


def decide(machine, number, *, arch=None, argument=0, capabilities=()):
    """Run the filter on a call; give what it does with it."""
    program = default_filter(capabilities, machine)
    return RESULTS[run_filter(program, number, arch or ARCH[machine], (argument,))]


@pytest.mark.parametrize(
    ("machine", "name", "number", "outcome"),
    [
        ("x86_64", "read", 0, ALLOWED),
        ("x86_64", "execve", 59, ALLOWED),
        ("x86_64", "ptrace", 101, ALLOWED),
        ("x86_64", "chroot", 161, ALLOWED),
        ("x86_64", "uselib", 134, NOT_PERMITTED),
        ("x86_64", "mount", 165, NOT_PERMITTED),
        ("x86_64", "unshare", 272, NOT_PERMITTED),
        ("x86_64", "io_uring_setup", 425, NOT_PERMITTED),
        ("x86_64", "set_mempolicy_home_node", 450, NOT_PERMITTED),
        ("x86_64", "clone3", 435, NOT_THERE),
        ("x86_64", "of-x32", 0x40000000, NOT_THERE),
        ("aarch64", "read", 63, ALLOWED),
        ("aarch64", "mount", 40, NOT_PERMITTED),
        ("aarch64", "lookup_dcookie", 18, NOT_PERMITTED),
        ("aarch64", "clone3", 435, NOT_THERE),
    ],
)
def test_a_call_is_allowed_or_refused(machine, name, number, outcome):
    assert decide(machine, number) == outcome, name


@pytest.mark.parametrize(("flags", "outcome"), [(THREAD, ALLOWED), (NEW_NETWORK, NOT_PERMITTED)])
@pytest.mark.parametrize(("machine", "number"), [("x86_64", 56), ("aarch64", 220)])
def test_processes_may_be_made_but_no_namespaces(machine, number, flags, outcome):
    assert decide(machine, number, argument=flags) == outcome


@pytest.mark.parametrize(
    ("name", "number", "argument", "capability", "outcome"),
    [
        ("mount", 165, 0, "sys_admin", ALLOWED),
        ("unshare", 272, 0, "sys_admin", ALLOWED),
        ("clone3", 435, 0, "sys_admin", ALLOWED),
        ("clone", 56, NEW_NETWORK, "sys_admin", ALLOWED),
        ("kexec_load", 246, 0, "sys_admin", NOT_PERMITTED),
        ("settimeofday", 164, 0, "sys_time", ALLOWED),
        ("mount", 165, 0, "sys_time", NOT_PERMITTED),
        ("clone", 56, NEW_NETWORK, "sys_time", NOT_PERMITTED),
    ],
)
def test_who_has_a_capability_may_use_it(name, number, argument, capability, outcome):
    done = decide("x86_64", number, argument=argument, capabilities=[capability])

    assert done == outcome, name


def test_programs_of_another_architecture_go_unfiltered():
    assert decide("x86_64", 165, arch=0x40000003) == ALLOWED


def test_a_machine_that_is_not_known_has_no_filter():
    assert default_filter(machine="riscv64") == b""
