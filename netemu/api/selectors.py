"""Label and field selectors: parse and match.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ and
…/field-selectors/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from netemu.api import syntax
from netemu.api.errors import BadRequestError
from netemu.api.kinds import (
    CERTIFICATE_SIGNING_REQUEST,
    EVENT,
    JOB,
    NAMESPACE,
    NODE,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    SECRET,
    SERVICE,
    Kind,
)
from netemu.api.views.meta import LabelSelector, SelectorRequirement


class FieldRequirement(NamedTuple):
    """One term of a field selector: the field's value is, or is not, this."""

    field: str
    equals: bool
    value: str


FieldSelector = tuple[FieldRequirement, ...]


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether labels satisfy a selector; an empty selector matches everything."""
    if not selector.match_labels.items() <= labels.items():
        return False
    return all(_holds(requirement, labels) for requirement in selector.match_expressions)


def matches_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether labels contain all of ``wanted`` (a Service's selector)."""
    return wanted.items() <= labels.items()


def parse_label_selector(text: str) -> LabelSelector:
    """Read ``app=web,tier!=db,env in (a, b),!old``: all terms must hold.

    ``!=`` and ``notin`` also match objects that lack the key.

    Raises:
        BadRequestError: in Kubernetes' words.

    """
    requirements = tuple(_parse_term(term) for term in _split_terms(text))
    return LabelSelector(match_expressions=requirements)


def parse_field_selector(text: str) -> FieldSelector:
    """Read ``spec.nodeName=node-1,status.phase!=Running``; a backslash escapes ``,`` and ``=``.

    Raises:
        BadRequestError: a term has no operator.

    """
    return tuple(_parse_field_term(term) for term in _ESCAPED_COMMA.findall(text) if term)


def require_known_fields(kind: Kind, selector: FieldSelector) -> None:
    """Refuse a selector that names a field which this kind cannot be selected by.

    Raises:
        BadRequestError: naming the field.

    """
    known = _KNOWN.get(kind.key, _COMMON_FIELDS)
    if kind.custom is not None:
        known = known.union(kind.custom.selectable)
    for requirement in selector:
        if requirement.field not in known:
            raise BadRequestError(
                f"field label not supported: {requirement.field}",
                kind=kind.kind,
                group=kind.group,
                hint=f"{kind.resource} can be selected by {', '.join(sorted(known))}.",
            )


def matches_fields(kind: Kind, selector: FieldSelector, obj: Mapping[str, Any]) -> bool:
    """Tell whether an object's fields satisfy a selector; an absent field is the empty text.

    Raises:
        BadRequestError: this kind cannot be selected by one of the fields.

    """
    require_known_fields(kind, selector)
    return all((_field(obj, r.field) == r.value) is r.equals for r in selector)


_COMMON_FIELDS = frozenset({"metadata.name", "metadata.namespace"})
_FIELDS: dict[str, tuple[str, ...]] = {
    POD.key: (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    NODE.key: ("spec.unschedulable",),
    NAMESPACE.key: ("status.phase", "name"),
    SECRET.key: ("type",),
    SERVICE.key: ("spec.clusterIP", "spec.type"),
    REPLICA_SET.key: ("status.replicas",),
    REPLICATION_CONTROLLER.key: ("status.replicas",),
    JOB.key: ("status.successful",),
    CERTIFICATE_SIGNING_REQUEST.key: ("spec.signerName",),
    EVENT.key: (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
}
_KNOWN = {key: _COMMON_FIELDS.union(fields) for key, fields in _FIELDS.items()}
# What stands for an absent field, where that is not the empty text.
_ABSENT = {
    "spec.unschedulable": "false",
    "spec.hostNetwork": "false",
    "status.replicas": "0",
    "status.successful": "0",
}

_ESCAPED_COMMA = re.compile(r"((?:[^,\\]|\\.)+)", re.DOTALL)
_FIELD_TERM = re.compile(r"(?P<field>[^=!]*?)(?P<operator>==|!=|=)(?P<value>(?:[^=\\]|\\.)*)", re.DOTALL)
_TERM = re.compile(
    r"""
    (?P<not>!)\s*(?P<absent>[^\s!=,()<>]+)
    | (?P<key>[^\s!=,()<>]+) \s*
      (?: (?P<operator>==|!=|=) \s* (?P<value>[^\s!=,()<>]*)
        | (?<=\s) (?P<set>in|notin) \s* \( (?P<values>[^()]*) \)
      )?
    """,
    re.VERBOSE,
)
_OPERATORS: dict[str, Literal["In", "NotIn"]] = {
    "=": "In",
    "==": "In",
    "!=": "NotIn",
    "in": "In",
    "notin": "NotIn",
}


def _holds(requirement: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None


def _split_terms(text: str) -> list[str]:
    """Split at the commas that are not between parentheses."""
    if not text.strip():
        return []
    terms, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            terms.append("")
        else:
            terms[-1] += character
    return terms


def _parse_term(term: str) -> SelectorRequirement:
    match = _TERM.fullmatch(term.strip())
    if match is None:
        raise _unparsable(
            f"found '{term.strip()}', expected: key, !key, key=value, key!=value, key in (…) or key notin (…)"
        )
    if match["not"]:
        return SelectorRequirement(key=_checked_key(match["absent"]), operator="DoesNotExist")
    key = _checked_key(match["key"])
    operator = match["operator"] or match["set"]
    if not operator:
        return SelectorRequirement(key=key, operator="Exists")
    texts = [match["value"]] if match["operator"] else match["values"].split(",")
    values = tuple(sorted({_checked_value(key, text.strip()) for text in texts}))
    return SelectorRequirement(key=key, operator=_OPERATORS[operator], values=values)


def _checked_key(key: str) -> str:
    for broken in syntax.qualified_name(key):
        raise _unparsable(f'key: Invalid value: "{key}": {broken}')
    return key


def _checked_value(key: str, value: str) -> str:
    for broken in syntax.label_value(value):
        raise _unparsable(f'values[0][{key}]: Invalid value: "{value}": {broken}')
    return value


def _unparsable(why: str) -> BadRequestError:
    return BadRequestError(f"unable to parse requirement: {why}")


def _parse_field_term(term: str) -> FieldRequirement:
    match = _FIELD_TERM.fullmatch(term)
    if match is None:
        raise BadRequestError(f"invalid selector: '{term}'; can't understand '{term}'")
    value = re.sub(r"\\(.)", r"\1", match["value"], flags=re.DOTALL)
    return FieldRequirement(match["field"].strip(), match["operator"] != "!=", value)


def _field(obj: Mapping[str, Any], path: str) -> str:
    value = None
    for alias in _ALIASES.get(path, (path,)):
        value = value or _value(obj, alias)
    if value is None:
        return _ABSENT.get(path, "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(obj: Mapping[str, Any], path: str) -> Any:
    value: Any = obj
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


# Where the field is; the first that says something counts.
_ALIASES = {
    "name": ("metadata.name",),
    "source": ("source.component", "reportingComponent"),
    "status.successful": ("status.succeeded",),
}
