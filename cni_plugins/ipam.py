"""netemu-ipam: gives addresses of one subnet, from leases in files.

Configuration (``ipam`` of the network's): ``subnet``; optional ``rangeStart``, ``rangeEnd``,
``gateway`` (default: the first address), ``routes`` and ``dataDir``.
"""

from __future__ import annotations

import os
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import NoReturn

from cni_plugins import protocol
from cni_plugins.leases import Leases, Owner
from cni_plugins.protocol import CniError, Json, Request
from netemu.errors import SettingsError
from netemu.ipam.allocator import Range, whole_range
from netemu.ipam.ranges import parse_ranges

DEFAULT_DATA_DIR = "/var/lib/cni/networks"


def add(request: Request, root: Path = Path("/")) -> Json:
    """Lease an address. ``root`` is the directory that is the node's ``/``."""
    pool = parse_pool(request.config)
    ip = _leases(request, root).acquire(_owner(request), pool)
    return render_result(request.config, pool, ip)


def delete(request: Request, root: Path = Path("/")) -> None:
    """Release the address; nothing happens if there is none."""
    _leases(request, root).release(_owner(request))


def check(request: Request, root: Path = Path("/")) -> None:
    """Fail if the container holds no address."""
    if _leases(request, root).find(_owner(request)) is None:
        raise CniError(protocol.NOT_AS_EXPECTED, f"{_owner(request)} holds no address")


def collect(request: Request, root: Path = Path("/")) -> None:
    """Release the addresses of all who are not in ``cni.dev/valid-attachments`` (GC)."""
    valid = request.config.get("cni.dev/valid-attachments", [])
    keep = {str(Owner(a["containerID"], a["ifname"])) for a in valid}
    _leases(request, root).keep_only(keep.__contains__)


def status(request: Request, root: Path = Path("/")) -> None:  # noqa: ARG001  # one shape for all
    """Fail if the configuration could not serve an ADD."""
    parse_pool(request.config)


def parse_pool(config: Json) -> Range:
    """Read the subnet and its bounds from a network's configuration.

    Raises:
        CniError: a key is missing or wrong.

    """
    ipam = config.get("ipam")
    if not isinstance(ipam, dict) or not isinstance(ipam.get("subnet"), str):
        raise CniError(protocol.INVALID_CONFIG, "ipam.subnet: a CIDR is needed")
    try:
        (subnet,) = parse_ranges([ipam["subnet"]], "ipam.subnet")
        return whole_range(
            subnet,
            gateway=_ip(ipam, "gateway"),
            first=_ip(ipam, "rangeStart"),
            last=_ip(ipam, "rangeEnd"),
        )
    except SettingsError as err:
        raise CniError(protocol.INVALID_CONFIG, err.message, details=err.hint) from err
    except ValueError as err:
        raise CniError(protocol.INVALID_CONFIG, f"ipam: {err}") from err


def render_result(config: Json, pool: Range, ip: IPv4Address) -> Json:
    """Write the answer to ADD: the address with its subnet's prefix, and the routes."""
    result: Json = {
        "cniVersion": config.get("cniVersion"),
        "ips": [{"address": f"{ip}/{pool.subnet.prefixlen}", "gateway": str(pool.gateway)}],
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


def _ip(ipam: Json, key: str) -> IPv4Address | None:
    return IPv4Address(ipam[key]) if ipam.get(key) else None


def _check_route(route: Json) -> None:
    try:
        IPv4Network(route["dst"])
        IPv4Address(route.get("gw", "0.0.0.0"))
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
