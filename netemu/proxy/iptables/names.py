"""The names of chains: kube-proxy's, so that what is written about it holds here too."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from enum import Enum
from typing import NamedTuple

from netemu.nft.expressions import L4
from netemu.proxy.index import Endpoint, PortKey

SERVICES = "KUBE-SERVICES"
EXTERNAL_SERVICES = "KUBE-EXTERNAL-SERVICES"
NODE_PORTS = "KUBE-NODEPORTS"
FORWARD = "KUBE-FORWARD"
POSTROUTING = "KUBE-POSTROUTING"
MARK_MASQ = "KUBE-MARK-MASQ"
PROXY_FIREWALL = "KUBE-PROXY-FIREWALL"
FIREWALL = "KUBE-FIREWALL"  # the kubelet's
CANARIES = ("KUBE-PROXY-CANARY", "KUBE-KUBELET-CANARY")
HINT = "KUBE-IPTABLES-HINT"  # the kubelet's: tells others which of the two iptables is in use

_HASHED = 16  # letters of the hash: a chain's name has at most 28


class Purpose(Enum):
    """What a chain of a Service port, or of one of its endpoints, is for."""

    CLUSTER = "KUBE-SVC-"
    LOCAL = "KUBE-SVL-"
    EXTERNAL = "KUBE-EXT-"
    SOURCES = "KUBE-FW-"
    ENDPOINT = "KUBE-SEP-"


class PortChains(NamedTuple):
    """The names of the chains that a Service port may have."""

    cluster: str
    local: str
    external: str
    sources: str


def port_chains(key: PortKey, protocol: L4) -> PortChains:
    """Name the chains of a Service port."""
    hashed = _hashed(f"{key}{protocol.name.lower()}")
    purposes = (Purpose.CLUSTER, Purpose.LOCAL, Purpose.EXTERNAL, Purpose.SOURCES)
    return PortChains(*(purpose.value + hashed for purpose in purposes))


def endpoint_chain(key: PortKey, protocol: L4, endpoint: Endpoint) -> str:
    """Name the chain of one endpoint of a Service port."""
    return Purpose.ENDPOINT.value + _hashed(f"{key}{protocol.name.lower()}{socket_text(endpoint)}")


def socket_text(endpoint: Endpoint) -> str:
    """Write an endpoint as ``address:port``, an address of IPv6 in brackets."""
    host = f"[{endpoint.address}]" if endpoint.address.version == 6 else str(endpoint.address)
    return f"{host}:{endpoint.port}"


def is_of_a_service(chain: str) -> bool:
    """Tell whether a chain is one that comes and goes with a Service."""
    return chain.startswith(tuple(purpose.value for purpose in Purpose))


def _hashed(text: str) -> str:
    return b32encode(hashlib.sha256(text.encode()).digest()).decode()[:_HASHED]
