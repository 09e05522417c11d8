"""The functions that Kubernetes adds to CEL: quantities, versions, addresses, formats, lists and others.

What is no value of CEL's own (a quantity, an address) is a map that says what it is, in a form of which
there is only one for equal values: so they can be compared and handed on.

Source: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-cel-libraries and apiserver
``pkg/cel/library``.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from netemu.api.cel import (
    addresses,
    authorization,
    formats,
    images,
    lists,
    loops,
    macros,
    patterns,
    quantities,
    semvers,
    urls,
)


class Param(Enum):
    """The type of a parameter or result."""

    ANY = "any"
    BOOL = "bool"
    INT = "int"
    FLOAT = "double"
    TEXT = "string"
    LIST = "list"
    VALUE = "a value of Kubernetes' own"


class Overload(NamedTuple):
    """One way to call a function."""

    do: Callable[..., Any]
    result: Param
    params: tuple[Param, ...]
    is_member: bool = False


def _call(do: Callable[..., Any], result: Param, *params: Param) -> Overload:
    return Overload(do, result, params)


def _member(do: Callable[..., Any], result: Param, *params: Param) -> Overload:
    return Overload(do, result, params, is_member=True)


_ANY, _BOOL, _INT, _TEXT, _LIST, _VALUE = (
    Param.ANY,
    Param.BOOL,
    Param.INT,
    Param.TEXT,
    Param.LIST,
    Param.VALUE,
)


def _ordered(name: str) -> Callable[[Any, Any], Any]:
    """Give the function of what has an order: versions, and quantities."""
    of_versions, of_quantities = getattr(semvers, name), getattr(quantities, name)
    return lambda one, other: (of_versions if semvers.is_one(one) else of_quantities)(one, other)


def _escaped_key(key: str) -> str:
    """Write a key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


FUNCTIONS: dict[str, tuple[Overload, ...]] = {
    "quantity": (_call(quantities.quantity, _VALUE, _TEXT),),
    "isQuantity": (_call(quantities.is_quantity, _BOOL, _TEXT),),
    "isInteger": (_member(quantities.is_integer, _BOOL, _VALUE),),
    "asInteger": (_member(quantities.as_integer, _INT, _VALUE),),
    "asApproximateFloat": (_member(quantities.as_float, Param.FLOAT, _VALUE),),
    "sign": (_member(quantities.sign, _INT, _VALUE),),
    "add": (
        _member(quantities.add, _VALUE, _VALUE, _VALUE),
        _member(quantities.add_number, _VALUE, _VALUE, _INT),
    ),
    "sub": (
        _member(quantities.subtract, _VALUE, _VALUE, _VALUE),
        _member(quantities.subtract_number, _VALUE, _VALUE, _INT),
    ),
    "compareTo": (_member(_ordered("compare"), _INT, _VALUE, _VALUE),),
    "isLessThan": (_member(_ordered("is_less"), _BOOL, _VALUE, _VALUE),),
    "isGreaterThan": (_member(_ordered("is_greater"), _BOOL, _VALUE, _VALUE),),
    "semver": (
        _call(semvers.semver, _VALUE, _TEXT),
        _call(semvers.semver_normalized, _VALUE, _TEXT, _BOOL),
    ),
    "isSemver": (
        _call(semvers.is_semver, _BOOL, _TEXT),
        _call(semvers.is_semver_normalized, _BOOL, _TEXT, _BOOL),
    ),
    "major": (_member(semvers.major, _INT, _VALUE),),
    "minor": (_member(semvers.minor, _INT, _VALUE),),
    "patch": (_member(semvers.patch, _INT, _VALUE),),
    "image": (_call(images.image, _VALUE, _TEXT),),
    "isImage": (_call(images.is_image, _BOOL, _TEXT),),
    "containsDigest": (_member(images.contains_digest, _BOOL, _VALUE),),
    "registry": (_member(images.registry, _TEXT, _VALUE),),
    "repository": (_member(images.repository, _TEXT, _VALUE),),
    "tag": (_member(images.tag, _TEXT, _VALUE),),
    "digest": (_member(images.digest, _TEXT, _VALUE),),
    "identifier": (_member(images.identifier, _TEXT, _VALUE),),
    **{f"format.{name}": (_call(formats.maker(name), _VALUE),) for name in formats.FORMATS},
    "format.named": (_call(formats.named, _LIST, _TEXT),),
    "validate": (_member(formats.validate, _LIST, _VALUE, _TEXT),),
    "jsonpatch.escapeKey": (_call(_escaped_key, _TEXT, _TEXT),),
    "isIP": (_call(addresses.is_ip, _BOOL, _TEXT),),
    "ip": (_call(addresses.ip, _VALUE, _TEXT), _member(addresses.ip_of, _VALUE, _VALUE)),
    "ip.isCanonical": (_call(addresses.is_canonical, _BOOL, _TEXT),),
    "family": (_member(addresses.family, _INT, _VALUE),),
    "isUnspecified": (_member(addresses.is_unspecified, _BOOL, _VALUE),),
    "isLoopback": (_member(addresses.is_loopback, _BOOL, _VALUE),),
    "isLinkLocalMulticast": (_member(addresses.is_link_local_multicast, _BOOL, _VALUE),),
    "isLinkLocalUnicast": (_member(addresses.is_link_local_unicast, _BOOL, _VALUE),),
    "isGlobalUnicast": (_member(addresses.is_global_unicast, _BOOL, _VALUE),),
    "isCIDR": (_call(addresses.is_cidr, _BOOL, _TEXT),),
    "cidr": (_call(addresses.cidr, _VALUE, _TEXT),),
    "containsIP": (
        _member(addresses.contains_ip, _BOOL, _VALUE, _VALUE),
        _member(addresses.contains_ip_text, _BOOL, _VALUE, _TEXT),
    ),
    "containsCIDR": (
        _member(addresses.contains_cidr, _BOOL, _VALUE, _VALUE),
        _member(addresses.contains_cidr_text, _BOOL, _VALUE, _TEXT),
    ),
    "isMasked": (_member(addresses.is_masked, _BOOL, _VALUE),),
    "string": (_call(addresses.shown, _TEXT, _VALUE),),
    "masked": (_member(addresses.masked, _VALUE, _VALUE),),
    "prefixLength": (_member(addresses.prefix_length, _INT, _VALUE),),
    "isURL": (_call(urls.is_url, _BOOL, _TEXT),),
    "url": (_call(urls.url, _VALUE, _TEXT),),
    "getScheme": (_member(urls.scheme, _TEXT, _VALUE),),
    "getHost": (_member(urls.host, _TEXT, _VALUE),),
    "getHostname": (_member(urls.hostname, _TEXT, _VALUE),),
    "getPort": (_member(urls.port, _TEXT, _VALUE),),
    "getEscapedPath": (_member(urls.escaped_path, _TEXT, _VALUE),),
    "getQuery": (_member(urls.query, _VALUE, _VALUE),),
    "path": (_member(authorization.path, _VALUE, _VALUE, _TEXT),),
    "serviceAccount": (_member(authorization.service_account, _VALUE, _VALUE, _TEXT, _TEXT),),
    "group": (_member(authorization.group, _VALUE, _VALUE, _TEXT),),
    "resource": (_member(authorization.resource, _VALUE, _VALUE, _TEXT),),
    "subresource": (_member(authorization.subresource, _VALUE, _VALUE, _TEXT),),
    "namespace": (_member(authorization.namespace, _VALUE, _VALUE, _TEXT),),
    "name": (_member(authorization.name, _VALUE, _VALUE, _TEXT),),
    "fieldSelector": (_member(authorization.field_selector, _VALUE, _VALUE, _TEXT),),
    "labelSelector": (_member(authorization.label_selector, _VALUE, _VALUE, _TEXT),),
    "check": (_member(authorization.check, _VALUE, _VALUE, _TEXT),),
    "allowed": (_member(authorization.is_allowed, _BOOL, _VALUE),),
    "reason": (_member(authorization.reason, _TEXT, _VALUE),),
    "errored": (_member(authorization.is_errored, _BOOL, _VALUE),),
    "error": (_member(authorization.reason, _TEXT, _VALUE),),
    "find": (_member(patterns.find, _TEXT, _TEXT, _TEXT),),
    "findAll": (
        _member(patterns.find_all, _LIST, _TEXT, _TEXT),
        _member(patterns.find_some, _LIST, _TEXT, _TEXT, _INT),
    ),
    loops.FUNCTION: (_call(loops.loop, _ANY, _INT, _VALUE),),
    "pairs__": (_member(macros.pairs, _LIST, _ANY),),
    "mapped__": (_member(macros.mapped, _ANY, _LIST),),
    "merged__": (_member(macros.merged, _ANY, _LIST),),
    "indexOf": (_member(lists.index_of, _INT, _LIST, _ANY),),
    "lastIndexOf": (_member(lists.last_index_of, _INT, _LIST, _ANY),),
    "isSorted": (_member(lists.is_sorted, _BOOL, _LIST),),
    "sum": (_member(lists.total, _ANY, _LIST),),
    "min": (_member(lists.least, _ANY, _LIST),),
    "max": (_member(lists.greatest, _ANY, _LIST),),
    "sets.contains": (_call(lists.contains, _BOOL, _LIST, _LIST),),
    "sets.equivalent": (_call(lists.are_equivalent, _BOOL, _LIST, _LIST),),
    "sets.intersects": (_call(lists.intersect, _BOOL, _LIST, _LIST),),
}
