"""What a Service asks of the balancer, and what it has. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.balancer.kinds import GROUP, LAYER2, Protocol
from netemu.balancer.pools import Address
from netemu.informer.cache import Key, key_of

# MetalLB's own prefixes too, so that manifests written for it ask the same here.
PREFIXES = (GROUP, "metallb.io", "metallb.universe.tf")
ADDRESSES, POOL, SHARED = "loadBalancerIPs", "address-pool", "allow-shared-ip"

_VERSIONS = {"IPv4": 4, "IPv6": 6}
_CLASSES: Mapping[str, Protocol] = {f"{GROUP}/layer2": "layer2", f"{GROUP}/bgp": "bgp"}


class AskError(ValueError):
    """A Service asks for something that makes no sense; the message says what."""


class Ask(NamedTuple):
    """One Service of type LoadBalancer that is ours.

    ``wanted`` are the addresses that it asks for, ``had`` those that its status has. ``ports``
    are written ``TCP/80``. ``audience`` is equal for Services whose connections go to the same
    nodes: it is the selector of those with externalTrafficPolicy Local, and ``None`` for others.
    """

    key: Key
    labels: Mapping[str, str]
    versions: tuple[int, ...]
    needs_all: bool
    wanted: tuple[Address, ...]
    pool: str
    sharing: str
    ports: frozenset[str]
    audience: tuple[tuple[str, str], ...] | None
    had: tuple[Address, ...]
    created: str


def is_ours(obj: Object, protocols: Collection[Protocol] = LAYER2) -> bool:
    """Tell whether a Service wants an address of ours, announced as it can be."""
    spec = obj["spec"]
    if spec.get("type") != "LoadBalancer" or "deletionTimestamp" in obj["metadata"]:
        return False
    return not spec.get("loadBalancerClass") or protocol_of(obj) in protocols


def protocol_of(obj: Object) -> Protocol | None:
    """Give the protocol that a Service's class asks for; ``None`` if it asks for none."""
    return _CLASSES.get(obj["spec"].get("loadBalancerClass") or "")


def is_left_over(obj: Object) -> bool:
    """Tell whether a Service still has an address that it got when it was of another type."""
    return obj["spec"].get("type") != "LoadBalancer" and bool(ingress_of(obj))


def ingress_of(obj: Object) -> list[dict[str, Any]]:
    """Give what a Service's status says of its balancer."""
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    found: list[dict[str, Any]] = balancer.get("ingress") or []
    return found


def read_ask(obj: Object) -> Ask:
    """Read what a Service asks for.

    Raises:
        AskError: it asks for something that makes no sense.

    """
    spec, meta = obj["spec"], obj["metadata"]
    notes = meta.get("annotations") or {}
    versions = tuple(_VERSIONS[family] for family in spec.get("ipFamilies") or ("IPv4",))
    is_local = spec.get("externalTrafficPolicy") == "Local"
    return Ask(
        key=key_of(obj),
        labels=meta.get("labels") or {},
        versions=versions,
        needs_all=spec.get("ipFamilyPolicy") == "RequireDualStack",
        wanted=_wanted(spec, notes, versions),
        pool=_note(notes, POOL),
        sharing=_note(notes, SHARED),
        ports=frozenset(f"{p.get('protocol', 'TCP')}/{p['port']}" for p in spec.get("ports") or ()),
        audience=tuple(sorted((spec.get("selector") or {}).items())) if is_local else None,
        had=addresses_of(obj),
        created=meta.get("creationTimestamp") or "",
    )


def addresses_of(obj: Object) -> tuple[Address, ...]:
    """Give the addresses that a Service has."""
    texts = [entry.get("ip") or "" for entry in ingress_of(obj)]
    return tuple(ip_address(text) for text in texts if _is_address(text))


def _wanted(
    spec: Mapping[str, Any], notes: Mapping[str, str], versions: tuple[int, ...]
) -> tuple[Address, ...]:
    noted, field = _note(notes, ADDRESSES), spec.get("loadBalancerIP") or ""
    if noted and field:
        raise AskError(f"service can not have both {PREFIXES[0]}/{ADDRESSES} and svc.Spec.LoadBalancerIP")
    texts = [text.strip() for text in (noted or field).split(",") if text.strip()]
    for text in texts:
        if not _is_address(text):
            where = "spec.loadBalancerIP" if field else f"{PREFIXES[0]}/{ADDRESSES}:"
            raise AskError(f'invalid {where} "{text}"')
    wanted = tuple(ip_address(text) for text in texts)
    families = {address.version for address in wanted}
    if len(families) != len(wanted):
        raise AskError(f"{', '.join(texts)}: at most one address of each family")
    needs_all = spec.get("ipFamilyPolicy") == "RequireDualStack"
    if families - set(versions) or (wanted and needs_all and families != set(versions)):
        asked = " ".join(f'"{address}"' for address in wanted)
        raise AskError(f"requested loadBalancer IP(s) [{asked}] does not match the ipFamily of the service")
    return wanted


def _note(notes: Mapping[str, str], name: str) -> str:
    return next((notes[f"{prefix}/{name}"] for prefix in PREFIXES if f"{prefix}/{name}" in notes), "")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # an address of one link is none for others
