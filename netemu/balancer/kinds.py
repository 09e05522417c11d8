"""The objects that set the balancer up, AddressPool and L2Advertisement, and their definitions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import Kind

GROUP = "loadbalancer.netemu.io"
VERSION = "v1"
LOAD_BALANCER_CLASS = f"{GROUP}/layer2"
"""The ``loadBalancerClass`` that is ours too, beside none."""

ADDRESS_POOL = Kind(
    group=GROUP,
    version=VERSION,
    kind="AddressPool",
    resource="addresspools",
    singular="addresspool",
    namespaced=False,
)
L2_ADVERTISEMENT = Kind(
    group=GROUP,
    version=VERSION,
    kind="L2Advertisement",
    resource="l2advertisements",
    singular="l2advertisement",
    namespaced=False,
)
SETTINGS = (ADDRESS_POOL, L2_ADVERTISEMENT)

_IP_OR_RANGE = r"^\s*[0-9a-fA-F:.]+(/[0-9]{1,3}|\s*-\s*[0-9a-fA-F:.]+)\s*$"


def definitions() -> Sequence[Object]:
    """Give the definitions of both kinds."""
    return (_pool_definition(), _advertisement_definition())


def address_pool(name: str, addresses: Sequence[str], **spec: Any) -> Object:
    """Make a pool."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "AddressPool",
        "metadata": {"name": name},
        "spec": {"addresses": list(addresses), **spec},
    }


def _pool_definition() -> Object:
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
    columns = [
        {"name": "Auto Assign", "type": "boolean", "jsonPath": ".spec.autoAssign"},
        {"name": "Avoid Buggy IPs", "type": "boolean", "jsonPath": ".spec.avoidBuggyIPs"},
        {"name": "Addresses", "type": "string", "jsonPath": ".spec.addresses"},
    ]
    words = "Addresses that Services of type LoadBalancer may get."
    return _definition(ADDRESS_POOL, words, {**spec, "required": ["addresses"]}, columns)


def _advertisement_definition() -> Object:
    spec = _object(
        "Which nodes may answer for which pools.",
        pools=_list("Names of pools; all pools if none is named.", _of("string")),
        nodeSelectors=_list("Label selectors of nodes; all nodes if there is none.", _selector()),
    )
    columns = [{"name": "Pools", "type": "string", "jsonPath": ".spec.pools"}]
    words = "Limits the nodes that answer for a pool. Every node may for a pool that none speaks of."
    return _definition(L2_ADVERTISEMENT, words, spec, columns)


def _definition(kind: Kind, words: str, spec: Object, columns: list[Object]) -> Object:
    schema = {**_object(words, spec=spec), "required": ["spec"]}
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": [
            *columns,
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
