"""[IO] The ``iptables`` programs, inside a namespace: read all tables, or change them at once.

There is no library: xtables is spoken by these programs alone, in the dialect (nf_tables or
legacy) that the machine's ``iptables`` is set to.
"""

from __future__ import annotations

import os
import shutil

from netemu.errors import KernelError
from netemu.linux import netns, process

WITHIN_S = 120.0
HINT = "apt-get install iptables; modprobe nft_compat xt_comment xt_conntrack xt_recent xt_statistic"
# What kube-proxy's chains need of a kernel.
_TRIAL = """\
*filter
:TRIAL - [0:0]
-A TRIAL -m comment --comment "a trial" -m conntrack --ctstate INVALID -j DROP
-A TRIAL -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 80 -j REJECT
COMMIT
*nat
:TRIAL - [0:0]
-A TRIAL -m mark ! --mark 0x4000/0x4000 -j RETURN
-A TRIAL -m recent --name TRIAL --rcheck --seconds 1 --reap -j RETURN
-A TRIAL -m statistic --mode random --probability 0.5 -j MARK --or-mark 0x4000
-A TRIAL -m udp -p udp -j DNAT --to-destination 192.0.2.1:53
-A POSTROUTING -j MASQUERADE --random-fully
COMMIT
*mangle
COMMIT
"""
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


def try_out() -> None:
    """Write what kube-proxy writes into a namespace that ends at once.

    Raises:
        KernelError: this kernel, or this machine's iptables, refuses it.
        MissingProgramError: iptables is not installed.

    """
    program = _program("restore", is_ipv6=False)
    if shutil.which(program, path=_environment()["PATH"]) is None:
        raise process.missing_program(program)
    done = process.run(
        ["unshare", "--net", program], env=_environment(), timeout_s=WITHIN_S, stdin=_TRIAL.encode()
    )
    _check(program, done)


def _program(verb: str, *, is_ipv6: bool) -> str:
    return f"ip6tables-{verb}" if is_ipv6 else f"iptables-{verb}"


def _run(ns_fd: int, argv: list[str], text: str) -> str:
    try:
        # A child begins in the namespace that the thread is in: one program less than with nsenter.
        with netns.entered(ns_fd):
            done = process.run(argv, env=_environment(), timeout_s=WITHIN_S, stdin=text.encode())
    except process.ProgramError as err:
        raise KernelError(err.message) from err
    return _check(argv[0], done)


def _check(program: str, done: process.Completed) -> str:
    if done.exit_code != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())[:_MOST_SAID]
        raise KernelError(f"{program}: {said or 'failed without a word'}", hint=HINT)
    return done.stdout.decode(errors="replace")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C"}
