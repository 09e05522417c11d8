"""Kubernetes' named formats of texts in expressions. Pure.

What may be absent is a list with one item or none here, see ``rewriting``.

Source: apiserver ``pkg/cel/library/format.go``.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from netemu.api import syntax
from netemu.api.cel import urls

Value = dict[str, Any]
Check = Callable[[str], Sequence[str]]

_FORMAT = "kubernetes.NamedFormat"
_UUID = re.compile(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d\d:?\d\d)")


def named(name: str) -> list[Value]:
    """Find a format."""
    return [{_FORMAT: name}] if name in FORMATS else []


def maker(name: str) -> Callable[[], Value]:
    """Give the function that gives a format."""
    return lambda: {_FORMAT: name}


def validate(value: Value, text: str) -> list[list[str]]:
    """Say what of a text does not fit a format; nothing if all does."""
    name = value.get(_FORMAT)
    if name not in FORMATS:
        raise TypeError("no such overload")
    said = list(FORMATS[name](text))
    return [said] if said else []


def _prefix(check: Check) -> Check:
    """Check a text that something follows: it may end with a dash."""
    return lambda text: check(f"{text[:-2]}a" if len(text) > 1 and text.endswith("-") else text)


def _uri(text: str) -> Sequence[str]:
    if not text:
        return ('parse "": empty url',)
    return () if urls.is_url(text) else (f'parse "{text}": invalid URI for request',)


def _uuid(text: str) -> Sequence[str]:
    return () if _UUID.fullmatch(text) else ("does not match the UUID format",)


def _byte(text: str) -> Sequence[str]:
    try:
        b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ("invalid base64",)
    return () if text else ("invalid base64",)


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and date.fromisoformat(text) is not None
    except ValueError:
        return False


def _date(text: str) -> Sequence[str]:
    return () if _is_date(text) else ("invalid date",)


def _datetime(text: str) -> Sequence[str]:
    found = _TIME.fullmatch(text)
    return () if found is not None and _is_date(found[1]) else ("invalid datetime",)


FORMATS: dict[str, Check] = {
    "dns1123Label": syntax.label,
    "dns1123Subdomain": syntax.subdomain,
    "dns1035Label": syntax.label_1035,
    "qualifiedName": syntax.qualified_name,
    "dns1123LabelPrefix": _prefix(syntax.label),
    "dns1123SubdomainPrefix": _prefix(syntax.subdomain),
    "dns1035LabelPrefix": _prefix(syntax.label_1035),
    "labelValue": syntax.label_value,
    "uri": _uri,
    "uuid": _uuid,
    "byte": _byte,
    "date": _date,
    "datetime": _datetime,
}
