"""[IO] ``netemu up``: start a cluster, or bring one back, and return when DNS answers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

from netemu.cluster.configure import check_settings, differences, labelled_ranges
from netemu.cluster.host_access import access_link
from netemu.cluster.locking import locked
from netemu.cluster.processes import DAEMON, ensure_process, find_process, python
from netemu.cluster.ready import ask_ready, last_warning
from netemu.cluster.record import Record
from netemu.cluster.saved import load_saved, make_directory, save
from netemu.cluster.world import plan_world
from netemu.errors import MissingProgramError, NetemuError, PermissionDeniedError, SettingsError
from netemu.ipam.ranges import LabelledRange, check_apart
from netemu.linux.process import ProcessId, wait_gone
from netemu.settings import Paths, Settings

WITHIN_S = 120.0
LOOK_EVERY_S = 0.01
IPV6_OF_KERNEL = Path("/proc/sys/net/ipv6")
REQUIRED = {"nft": "nftables", "bwrap": "bubblewrap", "nsenter": "util-linux"}

Progress = Callable[[str], None]


class StartError(NetemuError):
    """The cluster did not come up."""

    code = "CLUSTER_START_FAILED"


def up(
    settings: Settings, paths: Paths, *, given: frozenset[str], progress: Progress, kubeconfig: str = ""
) -> None:
    """Start the cluster and wait until it is ready; on one that is up, change nothing.

    ``given`` names the settings that the caller asked for: an existing cluster that has others is
    left alone and they are named. ``kubeconfig`` is the file to put the context into, the user's
    own if empty.

    Raises:
        SettingsError, PermissionDeniedError, MissingProgramError, StartError.

    """
    if os.geteuid() != 0:
        raise PermissionDeniedError("netemu needs root to make network namespaces", hint="sudo netemu up")
    with locked(paths):
        saved = load_saved(paths)
        if saved is not None:
            changed = differences(saved, settings, given - {"name"})
            if changed:
                raise SettingsError(
                    f"cluster {settings.name!r} exists with other settings: " + "; ".join(changed),
                    hint=f"netemu down --name {settings.name} first, or choose another --name.",
                )
            settings = saved
        record = Record(paths.run)
        if saved is None or find_process(record, DAEMON) is None:
            _check_machine(settings)
            save(paths, settings)
            nodes = "1 node" if settings.nodes == 1 else f"{settings.nodes} nodes"
            progress(f"starting cluster {settings.name!r} with {nodes}")
        make_directory(paths.run, mode=0o700)
        argv = python("netemu.cluster.daemon", "--state", str(paths.state), "--run", str(paths.run))
        daemon = ensure_process(record, DAEMON, argv, paths.run / "daemon.log")
        _wait_ready(paths, daemon, progress, lambda: _put_context(settings.name, paths, kubeconfig, progress))


def required_programs(settings: Settings) -> dict[str, str]:
    """Give the programs without which a cluster cannot start, and the Debian packages that have them."""
    if settings.proxy_mode != "iptables":
        return REQUIRED
    families = ["iptables-restore", *(["ip6tables-restore"] if settings.has_ipv6 else [])]
    return REQUIRED | dict.fromkeys(families, "iptables")


def _check_machine(settings: Settings) -> None:
    from netemu.linux import iptables
    from netemu.linux.netlink import Netlink
    from netemu.linux.probe import find_program

    check_settings(settings)
    if settings.has_ipv6 and not IPV6_OF_KERNEL.exists():
        raise SettingsError("this machine's kernel has no IPv6", hint="Give IPv4 ranges only.")
    for program, package in required_programs(settings).items():
        if find_program(program) is None:
            raise MissingProgramError(f"{program} is not installed", hint=f"apt-get install {package}")
    if settings.proxy_mode == "iptables":
        iptables.try_out()
    if settings.load_balancer == "bgp":
        from netemu.cluster.frr import find_frr

        find_frr()
    ours = access_link(plan_world(settings))
    with Netlink.open(None) as netlink:
        names = {link.ifindex: link.name for link in netlink.dump_links()}
        routes = netlink.dump_routes()
    for network in labelled_ranges(settings):
        for route in routes:
            name = names.get(route.ifindex or 0, "?")
            if isinstance(route.dst, IPv4Network) and _counts(route.dst) and name != ours:
                check_apart([LabelledRange(route.dst, "this machine's route", f"link {name}"), network])


def _counts(destination: IPv4Network) -> bool:
    """Tell whether a route is one that a range must not cover: not the default, not loopback."""
    return destination.prefixlen > 0 and not (destination.is_loopback or destination.is_multicast)


def _put_context(name: str, paths: Paths, file: str, progress: Progress) -> None:
    """Put the cluster into the kubeconfig; one that cannot be changed keeps nobody from starting."""
    from netemu.cluster.kubeconfig import KubeconfigError
    from netemu.cluster.kubeconfig_file import put

    try:
        put(name, paths, file=file)
    except KubeconfigError as err:
        progress(f"the kubeconfig stays as it is: {err}")
        progress(f"  netemu kubeconfig --name {name} prints what is missing there")


def _wait_ready(paths: Paths, daemon: ProcessId, progress: Progress, meanwhile: Callable[[], None]) -> None:
    """Wait for the cluster; ``meanwhile`` is called once, when its API answers."""
    deadline = time.monotonic() + WITHIN_S
    said = ""
    while time.monotonic() < deadline:
        ready, waits_for = ask_ready(paths.api_socket)
        if ready or waits_for:
            meanwhile, done = _nothing, meanwhile
            done()
        if ready:
            return
        if waits_for and waits_for != said:
            said = waits_for
            progress(f"waiting for {waits_for}")
        if wait_gone(daemon, LOOK_EVERY_S):
            raise StartError(f"the daemon ended: {_last_words(paths)}", hint=f"See {paths.run}/daemon.log.")
    reason = last_warning(paths.api_socket)
    raise StartError(
        f"not ready after {WITHIN_S:.0f} s; still waiting for {said or 'the daemon'}"
        + (f"; {reason}" if reason else ""),
        hint=f"See {paths.run}/daemon.log, netemu status and netemu doctor.",
    )


def _nothing() -> None:
    """Do nothing: it was done."""


def _last_words(paths: Paths) -> str:
    try:
        lines = (paths.run / "daemon.log").read_text(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return "it wrote no log"
    return lines[-1].removeprefix("error: ") if lines else "it wrote no log"
