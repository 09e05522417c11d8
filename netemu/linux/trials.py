"""Try what netemu needs of the kernel, in namespaces that end with this process.

Run as a program by ``probe``: writes a line for each trial, its name, a tab, and what was
refused (nothing if it works). It leaves the machine's namespaces before it does anything.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

from netemu.errors import NetemuError
from netemu.linux import libc, messages, mounts
from netemu.linux.netlink import Netlink

_NAT_TABLE = "table ip trial {\n chain c { type nat hook prerouting priority -100; }\n}\n"


def main() -> None:
    """Try everything in turn; one failure does not keep the rest from being tried."""
    if _report("network namespaces", _leave_the_machine):
        for name, trial in TRIALS.items():
            _report(name, trial)


def _report(name: str, trial: Callable[[], None]) -> bool:
    complaint = ""
    try:
        trial()
    except NetemuError as err:
        complaint = err.message.replace("\n", " ")
    except OSError as err:
        complaint = str(err)
    sys.stdout.write(f"{name}\t{complaint}\n")
    return not complaint


def _leave_the_machine() -> None:
    root = os.geteuid() == 0
    uid, gid = os.geteuid(), os.getegid()
    libc.unshare(libc.CLONE_NEWNET | libc.CLONE_NEWNS | (0 if root else libc.CLONE_NEWUSER))
    if not root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    mounts.make_private(Path("/"))


def _try_veth() -> None:
    with Netlink.open() as netlink:
        netlink.batch([messages.veth("trial0", peer_name="trial1")])


def _try_bridge() -> None:
    with Netlink.open() as netlink:
        netlink.batch([messages.bridge("trialbr", up=True)])


def _try_vxlan() -> None:
    with Netlink.open() as netlink:
        netlink.batch([messages.vxlan("trialvx", vni=1, local=IPv4Address("127.0.0.1"), port=8472)])


def _try_nat() -> None:
    from netemu.linux.nft import NftContext

    NftContext.open(None).run(_NAT_TABLE)


def _try_iptables() -> None:
    from netemu.linux import iptables

    iptables.try_out()


def _try_overlayfs() -> None:
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory)
        mounts.tmpfs(base)
        for name in ("lower", "upper", "work", "merged"):
            (base / name).mkdir()
        options = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
        try:
            libc.mount("overlay", base / "merged", "overlay", 0, options)
        finally:
            mounts.detach(base / "merged")
            mounts.detach(base)


def _look_for_bridge_netfilter() -> None:
    if not Path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists():
        raise NetemuError("a new network namespace has no /proc/sys/net/bridge")


TRIALS = {
    "veth": _try_veth,
    "bridge": _try_bridge,
    "vxlan": _try_vxlan,
    "nftables nat": _try_nat,
    "iptables": _try_iptables,
    "overlayfs": _try_overlayfs,
    "bridge netfilter": _look_for_bridge_netfilter,
}


if __name__ == "__main__":
    main()
