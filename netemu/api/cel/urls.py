"""URLs in expressions. Pure.

Source: apiserver ``pkg/cel/library/urls.go`` (Go's ``url.ParseRequestURI``).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

Value = dict[str, Any]

_URL = "net.URL"
_BAD = re.compile(r"[\x00-\x20\x7f]|%(?![0-9A-Fa-f]{2})")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def url(text: str) -> Value:
    """Read a URL: one with a scheme, or a path from the root.

    Raises:
        ValueError: it is none.

    """
    if not is_url(text):
        raise ValueError(f'URL parse error during conversion from string: parse "{text}": invalid URI')
    return {_URL: text}


def is_url(text: str) -> bool:
    """Tell whether a text is a URL."""
    if _BAD.search(text) or not (text.startswith("/") or _SCHEME.match(text)):
        return False
    try:
        _ = urlsplit(text).port
    except ValueError:
        return False
    return True


def scheme(value: Value) -> str:
    """Give the scheme, or nothing."""
    return urlsplit(_of(value)).scheme


def host(value: Value) -> str:
    """Give host and port as they are written; an address of IPv6 is in brackets."""
    return urlsplit(_of(value)).netloc.rpartition("@")[2]


def hostname(value: Value) -> str:
    """Give the host without port and brackets."""
    name = host(value)
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]


def port(value: Value) -> str:
    """Give the port as text, or nothing."""
    found = urlsplit(_of(value)).port
    return "" if found is None else str(found)


def escaped_path(value: Value) -> str:
    """Give the path as it is sent."""
    return quote(urlsplit(_of(value)).path, safe="/%!$&'()*+,;=:@~-._")


def query(value: Value) -> dict[str, list[str]]:
    """Give the values of each parameter."""
    return parse_qs(urlsplit(_of(value)).query, keep_blank_values=True)


def _of(value: Value) -> str:
    found = value.get(_URL)
    if not isinstance(found, str):
        raise TypeError("no such overload")
    return found
