"""netemu-ipam: gives addresses of one subnet, or of one of each family, from leases in files.

Configuration (``ipam`` of the network's): ``subnet``; optional ``rangeStart``, ``rangeEnd``,
``gateway`` (default: the first address), ``routes`` and ``dataDir``. As with host-local, ``ranges``
takes the place of the first four: a list of sets of such, of which each gives a pod one address.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NoReturn

from cni_plugins import protocol
from cni_plugins.leases import Leases, Owner
from cni_plugins.protocol import CniError, Json, Request
from netemu.errors import SettingsError
from netemu.ipam.allocator import Address, Range, whole_range
from netemu.ipam.ranges import parse_ranges

DEFAULT_DATA_DIR = "/var/lib/cni/networks"


def add(request: Request, root: Path = Path("/")) -> Json:
    """Lease addresses. ``root`` is the directory that is the node's ``/``."""
    pools = parse_pools(request.config)
    ips = _leases(request, root).acquire(_owner(request), pools)
    return render_result(request.config, pools, ips)


def delete(request: Request, root: Path = Path("/")) -> None:
    """Release the address; nothing happens if there is none."""
    _leases(request, root).release(_owner(request))


def check(request: Request, root: Path = Path("/")) -> None:
    """Fail if the container holds no address."""
    if not _leases(request, root).find(_owner(request)):
        raise CniError(protocol.NOT_AS_EXPECTED, f"{_owner(request)} holds no address")


def collect(request: Request, root: Path = Path("/")) -> None:
    """Release the addresses of all who are not in ``cni.dev/valid-attachments`` (GC)."""
    valid = request.config.get("cni.dev/valid-attachments", [])
    keep = {str(Owner(a["containerID"], a["ifname"])) for a in valid}
    _leases(request, root).keep_only(keep.__contains__)


def status(request: Request, root: Path = Path("/")) -> None:  # noqa: ARG001  # one shape for all
    """Fail if the configuration could not serve an ADD."""
    parse_pools(request.config)


def parse_pools(config: Json) -> tuple[Range, ...]:
    """Read the subnets and their bounds from a network's configuration, at most one of each family.

    Raises:
        CniError: a key is missing or wrong.

    """
    ipam = config.get("ipam")
    if not isinstance(ipam, dict):
        raise CniError(protocol.INVALID_CONFIG, "ipam.subnet: a CIDR is needed")
    sets = ipam.get("ranges")
    if not sets:
        return (_parse_pool(ipam, "ipam.subnet"),)
    if not isinstance(sets, list) or not all(isinstance(each, list) and len(each) == 1 for each in sets):
        raise CniError(protocol.INVALID_CONFIG, "ipam.ranges: a list of lists of one range each is needed")
    pools = tuple(_parse_pool(each[0], f"ipam.ranges[{n}][0].subnet") for n, each in enumerate(sets))
    if len({pool.subnet.version for pool in pools}) < len(pools):
        raise CniError(protocol.INVALID_CONFIG, "ipam.ranges: one range of each family is the most")
    return pools


def render_result(config: Json, pools: Sequence[Range], ips: Sequence[Address]) -> Json:
    """Write the answer to ADD: the addresses with their subnets' prefixes, and the routes."""
    result: Json = {
        "cniVersion": config.get("cniVersion"),
        "ips": [
            {"address": f"{ip}/{pool.subnet.prefixlen}", "gateway": str(pool.gateway)}
            for pool, ip in zip(pools, ips, strict=True)
        ],
        "routes": config["ipam"].get("routes", []),
        "dns": {},
    }
    for route in result["routes"]:
        _check_route(route)
    return result


def main() -> NoReturn:
    """Be the executable."""
    root = Path("/")
    commands = {"ADD": add, "DEL": delete, "CHECK": check, "GC": collect, "STATUS": status}
    protocol.main({name: partial(work, root=root) for name, work in commands.items()}, os.environ)


def _parse_pool(given: Json, setting: str) -> Range:
    if not isinstance(given, dict) or not isinstance(given.get("subnet"), str):
        raise CniError(protocol.INVALID_CONFIG, f"{setting}: a CIDR is needed")
    try:
        (subnet,) = parse_ranges([given["subnet"]], setting)
        return whole_range(
            subnet,
            gateway=_ip(given, "gateway"),
            first=_ip(given, "rangeStart"),
            last=_ip(given, "rangeEnd"),
        )
    except SettingsError as err:
        raise CniError(protocol.INVALID_CONFIG, err.message, details=err.hint) from err
    except ValueError as err:
        raise CniError(protocol.INVALID_CONFIG, f"ipam: {err}") from err


def _ip(given: Json, key: str) -> Address | None:
    return ip_address(given[key]) if given.get(key) else None


def _check_route(route: Json) -> None:
    try:
        ip_network(route["dst"])
        ip_address(route.get("gw", "0.0.0.0"))
    except (KeyError, TypeError, ValueError) as err:
        raise CniError(protocol.INVALID_CONFIG, f"ipam.routes: {route!r} is not a route: {err}") from err


def _owner(request: Request) -> Owner:
    return Owner(request.container_id, request.ifname)


def _leases(request: Request, root: Path) -> Leases:
    data_dir = request.config.get("ipam", {}).get("dataDir") or DEFAULT_DATA_DIR
    name = request.config.get("name")
    if not isinstance(name, str) or not name or "/" in name:
        raise CniError(protocol.INVALID_CONFIG, f"name: {name!r} is not a network's name")
    return Leases(root / str(data_dir).lstrip("/") / name)


if __name__ == "__main__":
    main()
