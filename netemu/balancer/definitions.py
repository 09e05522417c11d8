"""The CustomResourceDefinitions of the balancer's kinds: what their objects may say. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import Kind
from netemu.balancer.kinds import ADDRESS_POOL, BGP_ADVERTISEMENT, BGP_PEER, L2_ADVERTISEMENT

HOLD_TIME, KEEPALIVE_TIME, CONNECT_TIME = "3s", "1s", "1s"
"""The shortest that BGP and FRR have: a node that stops is to be withdrawn soon."""

_IP = r"[0-9a-fA-F:.]+"
_IP_OR_RANGE = rf"^\s*{_IP}(/[0-9]{{1,3}}|\s*-\s*{_IP})\s*$"
_DURATION = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
_HALF = r"(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_COMMUNITY = rf"^{_HALF}:{_HALF}$"
_PRINTABLE = r"^[!-{}~]+$"
_ASN_MAX = 4294967295


def definitions() -> Sequence[Object]:
    """Give the definitions of all kinds."""
    return (_pools(), _l2_advertisements(), _bgp_advertisements(), _bgp_peers())


def _pools() -> Object:
    allocation = _object(
        "Which Services get addresses of this pool by themselves; all if this is not given.",
        priority=_of(
            "integer", "Which of several such pools goes first: the lowest number, 0 last.", minimum=0
        ),
        namespaces=_list(
            "Names of namespaces; these and those of namespaceSelectors together.", _of("string")
        ),
        namespaceSelectors=_list("Label selectors of namespaces.", _selector()),
        serviceSelectors=_list("Label selectors of Services; one of them must fit.", _selector()),
    )
    spec = _object(
        "What there is to give out, and to whom.",
        addresses=_list(
            "Networks (172.30.255.0/28) and ranges (172.30.255.1-172.30.255.9).",
            _of("string", pattern=_IP_OR_RANGE),
            minItems=1,
        ),
        autoAssign=_of("boolean", "Whether Services that name no pool and no address get one.", default=True),
        avoidBuggyIPs=_of("boolean", "Leave out addresses that end in .0 and .255.", default=False),
        serviceAllocation=allocation,
    )
    status = _object(
        "How many addresses are given out, and how many more there are.",
        **{
            f"{what}{family}": _of("integer", format="int64")
            for what in ("assigned", "available")
            for family in ("IPv4", "IPv6")
        },
    )
    columns = {
        "Auto Assign": ("boolean", ".spec.autoAssign"),
        "Avoid Buggy IPs": ("boolean", ".spec.avoidBuggyIPs"),
        "Addresses": ("string", ".spec.addresses"),
    }
    words = "Addresses that Services of type LoadBalancer may get."
    return _definition(ADDRESS_POOL, words, {**spec, "required": ["addresses"]}, columns, status)


def _l2_advertisements() -> Object:
    words = "Has one of the nodes it names answer for each address of the pools it names (ARP, NDP)."
    return _definition(L2_ADVERTISEMENT, words, _advertisement(), {"Pools": ("string", ".spec.pools")})


def _bgp_advertisements() -> Object:
    spec = _advertisement(
        aggregationLength=_of(
            "integer", "Announce the network of this length, not the address.", minimum=1, maximum=32
        ),
        aggregationLengthV6=_of("integer", "The same in IPv6.", minimum=1, maximum=128),
        localPref=_of(
            "integer",
            "The LOCAL_PREF of the route, which peers of the same AS heed.",
            minimum=0,
            maximum=_ASN_MAX,
        ),
        communities=_list(
            "Communities of the route (64512:100).", _of("string", pattern=_COMMUNITY), maxItems=32
        ),
    )
    words = "Has the nodes it names tell their BGP peers of the addresses of the pools it names."
    columns = {
        "Pools": ("string", ".spec.pools"),
        "Local Pref": ("integer", ".spec.localPref"),
        "Communities": ("string", ".spec.communities"),
    }
    return _definition(BGP_ADVERTISEMENT, words, spec, columns)


def _bgp_peers() -> Object:
    asn: dict[str, Any] = {"minimum": 1, "maximum": _ASN_MAX, "format": "int64"}
    spec = _object(
        "Who is told, and how.",
        myASN=_of("integer", "The nodes' AS number, equal in all peers.", **asn),
        peerASN=_of("integer", "The peer's AS number.", **asn),
        peerAddress=_of(
            "string", "The peer's address; its family is that of the routes.", pattern=f"^{_IP}$"
        ),
        peerPort=_of("integer", "The peer's port.", minimum=1, maximum=65535, default=179),
        **_times(),
        ebgpMultiHop=_of("boolean", "Whether the peer of another AS may be routers away.", default=False),
        password=_of(
            "string",
            "What both sides sign their segments with (TCP MD5, RFC 2385); printable, without blanks and |.",
            pattern=_PRINTABLE,
            maxLength=80,
        ),
        nodeSelectors=_list(
            "Label selectors of the nodes that have this peer; all nodes if there is none.", _selector()
        ),
    )
    words = (
        "A router that the nodes tell of addresses by BGP. One with an address of `outside` sets that up too."
    )
    columns = {
        "Address": ("string", ".spec.peerAddress"),
        "ASN": ("string", ".spec.peerASN"),
        "Multi Hops": ("string", ".spec.ebgpMultiHop"),
        "Established": ("string", ".status.established"),
    }
    required = ["myASN", "peerASN", "peerAddress"]
    return _definition(BGP_PEER, words, {**spec, "required": required}, columns, _sessions())


def _times() -> Mapping[str, Object]:
    told = {
        "holdTime": ("Silence after which a session ends.", HOLD_TIME),
        "keepaliveTime": ("How often a side says that it is there.", KEEPALIVE_TIME),
        "connectTime": ("The pause between attempts to connect.", CONNECT_TIME),
    }
    return {
        name: _of("string", words, pattern=_DURATION, default=time) for name, (words, time) in told.items()
    }


def _sessions() -> Object:
    session = _object(
        "A session.",
        node=_of("string", "The node that calls."),
        state=_of("string", "Established, or another state that BGP knows: Idle, Connect, Active …"),
    )
    return _object(
        "How the sessions with this peer are.",
        established=_of("string", "How many are Established, of how many."),
        sessions=_list("The sessions of the nodes that are on.", session),
    )


def _advertisement(**more: Object) -> Object:
    return _object(
        "Which nodes announce which pools.",
        pools=_list("Names of pools; all pools if none is named.", _of("string")),
        nodeSelectors=_list("Label selectors of nodes; all nodes if there is none.", _selector()),
        **more,
    )


def _definition(
    kind: Kind,
    words: str,
    spec: Object,
    columns: Mapping[str, tuple[str, str]],
    status: Object | None = None,
) -> Object:
    parts = {"spec": spec} if status is None else {"spec": spec, "status": status}
    shown = [{"name": name, "type": type, "jsonPath": path} for name, (type, path) in columns.items()]
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {**_object(words, **parts), "required": ["spec"]}},
        **({} if status is None else {"subresources": {"status": {}}}),
        "additionalPrinterColumns": [
            *shown,
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
    }
    names = {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.resource,
        "singular": kind.singular,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.key},
        "spec": {"group": kind.group, "scope": "Cluster", "names": names, "versions": [version]},
    }


def _of(type: str, description: str = "", **more: Any) -> Object:
    said = {"description": description} if description else {}
    return {"type": type, **said, **more}


def _list(description: str, items: Object, **more: Any) -> Object:
    return _of("array", description, items=items, **more)


def _object(description: str, **properties: Object) -> Object:
    return _of("object", description, properties=properties)


def _selector() -> Object:
    expression = _object(
        "A requirement.",
        key=_of("string"),
        operator=_of("string", enum=["In", "NotIn", "Exists", "DoesNotExist"]),
        values=_list("What the label may, or may not, be.", _of("string")),
    )
    labels = _of("object", additionalProperties=_of("string"))
    return _object(
        "A label selector.",
        matchLabels=labels,
        matchExpressions=_list("Requirements.", {**expression, "required": ["key", "operator"]}),
    )
