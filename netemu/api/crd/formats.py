"""The formats of texts that structural schemas may ask for; unknown ones accept everything. Pure.

Source: kube-openapi ``pkg/validation/strfmt``.
"""

from __future__ import annotations

import binascii
import ipaddress
import re
import uuid
from base64 import b64decode
from collections.abc import Callable
from datetime import date, datetime
from urllib.parse import urlsplit

from netemu.api import syntax

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION = re.compile(r"[+-]?((\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|μs|ms|s|m|h|d|w))+|0", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?"
)
_MAC = re.compile(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_COLOR = re.compile(r"#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")


def has_format(name: str, text: str) -> bool:
    """Tell whether a text has a format."""
    check = _FORMATS.get(name.replace("-", "").lower())
    return check is None or check(text)


def _parses(read: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            read(text)
        except (ValueError, binascii.Error):
            return False
        return True

    return check


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _date_time(text: str) -> bool:
    return _DATE_TIME.fullmatch(text) is not None and _parses(datetime.fromisoformat)(text.upper())


def _uri(text: str) -> bool:
    return _parses(urlsplit)(text) and (bool(urlsplit(text).scheme) or text.startswith("/"))


_FORMATS: dict[str, Callable[[str], bool]] = {
    "datetime": _date_time,
    "date": _parses(date.fromisoformat),
    "duration": _matches(_DURATION),
    "email": _matches(_EMAIL),
    "hostname": _matches(_HOST),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "ip": _parses(ipaddress.ip_address),
    "cidr": lambda text: not syntax.cidr(text),
    "mac": _matches(_MAC),
    "uri": _uri,
    "uuid": _parses(uuid.UUID),
    "byte": _parses(lambda text: b64decode(text, validate=True)),
    "hexcolor": _matches(_COLOR),
    "k8sshortname": lambda text: not syntax.label(text),
    "k8slongname": lambda text: not syntax.subdomain(text),
}
