"""[IO] The ``iptables`` programs, inside a namespace: read all tables, or change them at once.

There is no library: xtables is spoken by these programs alone, in the dialect (nf_tables or
legacy) that the machine's ``iptables`` is set to.
"""

from __future__ import annotations

import os

from netemu.errors import KernelError
from netemu.linux import netns, process

WITHIN_S = 120.0
_LOCK_S = "5"  # how long others may hold the lock of xtables; kube-proxy waits as long
_MOST_SAID = 300


def save(ns_fd: int, *, is_ipv6: bool) -> str:
    """Give all tables of a namespace as text.

    Raises:
        KernelError: the program's own words.
        MissingProgramError: iptables is not installed.

    """
    return _run(ns_fd, [_program("save", is_ipv6=is_ipv6)], "")


def restore(ns_fd: int, text: str, *, is_ipv6: bool, is_test: bool = False) -> None:
    """Do what ``text`` says, one table after the other, each at once or not at all.

    Chains that it does not name stay as they are. With ``is_test`` it is only read.

    Raises:
        KernelError: the program's own words.
        MissingProgramError: iptables is not installed.

    """
    argv = [_program("restore", is_ipv6=is_ipv6), "--noflush", "--wait", _LOCK_S]
    _run(ns_fd, [*argv, "--test"] if is_test else argv, text)


def _program(verb: str, *, is_ipv6: bool) -> str:
    return f"ip6tables-{verb}" if is_ipv6 else f"iptables-{verb}"


def _run(ns_fd: int, argv: list[str], text: str) -> str:
    env = {"PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C"}
    try:
        # A child begins in the namespace that the thread is in: one program less than with nsenter.
        with netns.entered(ns_fd):
            done = process.run(argv, env=env, timeout_s=WITHIN_S, stdin=text.encode())
    except process.ProgramError as err:
        raise KernelError(err.message) from err
    if done.exit_code != 0:
        said = done.stderr.decode(errors="replace").strip()[:_MOST_SAID]
        raise KernelError(f"{argv[0]}: {said or 'failed without a word'}")
    return done.stdout.decode(errors="replace")
