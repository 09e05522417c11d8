"""The other design, to compare with: a chain for each Service and for each endpoint, a verdict map in front.

``chains.py SERVICES`` loads such a table into its own network namespace and prints the seconds as JSON;
then, for each line of standard input, it replaces one endpoint of a Service and prints the milliseconds.
It speaks to nftables as netemu does: bulk in a child, one change through the library.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Sequence
from ipaddress import IPv4Address

from made_services import ENDPOINTS, PORT

from netemu.linux.nft import NftContext, run_in_child

_TABLE = "ip chains"
_FIRST_IP, _FIRST_POD = IPv4Address("10.96.1.0"), IPv4Address("10.244.0.2")
_HEAD = f"""
table {_TABLE} {{
    map services {{ type ipv4_addr . inet_proto . inet_service : verdict; }}
    chain marked {{ meta mark set meta mark or 0x4000; }}
    chain services {{ ip daddr . meta l4proto . th dport vmap @services; }}
    chain prerouting {{ type nat hook prerouting priority -100; jump services; }}
    chain output {{ type nat hook output priority -100; jump services; }}
    chain postrouting {{ type nat hook postrouting priority 100; meta mark & 0x4000 != 0 masquerade; }}
}}
"""


def table(count: int) -> str:
    """Write the whole table."""
    services = "".join(_service(number) for number in range(count))
    verdicts = ", ".join(f"{_FIRST_IP + n} . tcp . 80 : goto service-{n}" for n in range(count))
    return f"{_HEAD}table {_TABLE} {{\n{services}}}\nadd element {_TABLE} services {{ {verdicts} }}\n"


def replacement(number: int, old: str, new: int) -> str:
    """Write the change of a Service's last endpoint, whose chain is ``old``, to pod ``new``."""
    kept = _endpoint_chain(number * ENDPOINTS)
    fresh = _endpoint_chain(new)
    return (
        f"table {_TABLE} {{\n{_endpoint(new)}}}\nflush chain {_TABLE} service-{number}\n"
        f"table {_TABLE} {{\n{_balancer(number, (kept, fresh))}}}\ndelete chain {_TABLE} {old}\n"
    )


def _service(number: int) -> str:
    pods = [number * ENDPOINTS + slot for slot in range(ENDPOINTS)]
    return "".join(map(_endpoint, pods)) + _balancer(number, [_endpoint_chain(pod) for pod in pods])


def _balancer(number: int, endpoints: Sequence[str]) -> str:
    verdicts = ", ".join(f"{slot} : goto {name}" for slot, name in enumerate(endpoints))
    outside = f"ip daddr {_FIRST_IP + number} tcp dport 80 ip saddr != 10.244.0.0/14 jump marked"
    return (
        f"chain service-{number} {{\n{outside}\n"
        f"numgen random mod {len(endpoints)} vmap {{ {verdicts} }}\n}}\n"
    )


def _endpoint(pod: int) -> str:
    address = _FIRST_POD + pod
    return (
        f"chain {_endpoint_chain(pod)} {{\nip saddr {address} jump marked\n"
        f"meta l4proto tcp dnat to {address}:{PORT}\n}}\n"
    )


def _endpoint_chain(pod: int) -> str:
    return f"endpoint-{pod}"


def main(count: int) -> None:
    """Load, then change as often as asked."""
    ns_fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    text = table(count)
    start = time.monotonic()
    run_in_child(ns_fd, text)
    print(json.dumps({"first_sync_s": time.monotonic() - start}), flush=True)
    context = NftContext.open(None)
    last = {number: _endpoint_chain(number * ENDPOINTS + 1) for number in range(count)}
    for spare, _ in enumerate(sys.stdin, start=count * ENDPOINTS):
        number = random.randrange(count)
        start = time.monotonic()
        context.run(replacement(number, last[number], spare))
        print(json.dumps({"value": (time.monotonic() - start) * 1000}), flush=True)
        last[number] = _endpoint_chain(spare)


if __name__ == "__main__":
    main(int(sys.argv[1]))
