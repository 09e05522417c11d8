"""[IO] ``proxy rules`` where a node serves Services with iptables."""

from __future__ import annotations

from collections.abc import Iterable

from netemu.informer.cache import Key
from netemu.linux import iptables
from netemu.nft.expressions import L4, Family
from netemu.proxy.explain import Shown
from netemu.proxy.index import PortKey
from netemu.proxy.iptables.explain import explain_service
from netemu.proxy.iptables.saved import parse_saved
from netemu.proxy.views import Service


def read_chains(ns_fd: int, family: Family, key: Key, service: Service) -> list[Shown]:
    """Read what a node's iptables of one family hold for one Service; nothing if it has no ClusterIP there.

    Raises:
        KernelError, MissingProgramError: iptables cannot be read.

    """
    texts = service.spec.cluster_ips or (service.spec.cluster_ip,)
    mine = {":" in text for text in texts if text not in ("", "None")}
    if (family is Family.IP6) not in mine:
        return []
    saved = parse_saved(iptables.save(ns_fd, is_ipv6=family is Family.IP6))
    ports = [(PortKey(key, port.name), L4[port.protocol]) for port in service.spec.ports]
    return explain_service(saved, ports)


def chains_text(shown: Iterable[Shown]) -> list[str]:
    """Lay out rules for people: each above its sentence, for they are long."""
    blocks = []
    for part in shown:
        lines = [f"  {text}" for line in part.lines for text in _two_lines(line.what, line.sentence)]
        blocks.append("\n".join((part.title, *lines)))
    return blocks


def _two_lines(rule: str, sentence: str) -> list[str]:
    return [rule, f"    {sentence}"] if rule else [sentence]
