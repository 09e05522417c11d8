"""The syntax of names, labels, ports and addresses: each function gives the rules that a text breaks.

Source: apimachinery ``pkg/util/validation`` (the rules and their words); RFC 1035, RFC 1123.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

LABEL_BYTES = 63
SUBDOMAIN_BYTES = 253

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"

_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character"
)
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character"
)
_LABEL_1035_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character"
)
_QUALIFIED_WORDS = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character"
)
_LABEL_VALUE_WORDS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character"
)
_CONFIG_KEY_WORDS = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_WILDCARD_WORDS = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
    "must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)

Broken = tuple[str, ...]


@lru_cache(maxsize=1024)
def label(text: str) -> Broken:
    """Check an RFC 1123 label: names of namespaces, containers, ports of Services."""
    return _too_long(text, LABEL_BYTES) + _pattern(text, _LABEL, _LABEL_WORDS, "my-name", "123-abc")


@lru_cache(maxsize=1024)
def subdomain(text: str) -> Broken:
    """Check an RFC 1123 subdomain: names of most objects."""
    return _too_long(text, SUBDOMAIN_BYTES) + _pattern(text, _SUBDOMAIN, _SUBDOMAIN_WORDS, "example.com")


@lru_cache(maxsize=1024)
def label_1035(text: str) -> Broken:
    """Check an RFC 1035 label: names of Services."""
    return _too_long(text, LABEL_BYTES) + _pattern(text, _LABEL_1035, _LABEL_1035_WORDS, "my-name", "abc-123")


@lru_cache(maxsize=1024)
def qualified_name(text: str) -> Broken:
    """Check a key of labels or annotations: ``[prefix/]name``."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        words = f"a qualified name {_QUALIFIED_WORDS}"
        return (
            _regex_words(words, _QUALIFIED, "MyName", "my.name", "123-abc")
            + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        )
    broken: Broken = ()
    if slash:
        broken += (
            ("prefix part must be non-empty",) if not prefix else _prefixed("prefix part ", subdomain(prefix))
        )
    if not name:
        broken += ("name part must be non-empty",)
    broken += _prefixed("name part ", _too_long(name, LABEL_BYTES))
    return broken + _pattern(
        name, _QUALIFIED, f"name part {_QUALIFIED_WORDS}", "MyName", "my.name", "123-abc"
    )


@lru_cache(maxsize=1024)
def label_value(text: str) -> Broken:
    """Check the value of a label."""
    return _too_long(text, LABEL_BYTES) + _pattern(
        text, _LABEL_VALUE, _LABEL_VALUE_WORDS, "MyValue", "my_value", "12345"
    )


@lru_cache(maxsize=1024)
def port_name(text: str) -> Broken:
    """Check an IANA service name (RFC 6335): names of container ports."""
    rules = (
        (len(text) <= 15, "must be no more than 15 bytes"),
        (
            re.fullmatch("[-a-z0-9]+", text),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (re.search("[a-z]", text), "must contain at least one letter (a-z)"),
        ("--" not in text, "must not contain consecutive hyphens"),
        (text and "-" not in (text[0], text[-1]), "must not begin or end with a hyphen"),
    )
    return tuple(words for holds, words in rules if not holds)


def port_number(number: int) -> Broken:
    """Check a port's number."""
    return () if 1 <= number <= 65535 else ("must be between 1 and 65535, inclusive",)


def env_name(text: str) -> Broken:
    """Check the name of an environment variable (relaxed since Kubernetes 1.30)."""
    if text and all(" " <= c <= "~" and c != "=" for c in text):
        return ()
    return (
        "a valid environment variable name must consist only of printable ASCII characters other than '='",
    )


@lru_cache(maxsize=1024)
def config_key(text: str) -> Broken:
    """Check a key of a ConfigMap or Secret, which becomes a file's name."""
    broken = _too_long(text, SUBDOMAIN_BYTES)
    broken += _pattern(text, _CONFIG_KEY, _CONFIG_KEY_WORDS, "key.name", "KEY_NAME", "key-name")
    if text in (".", ".."):
        broken += (f"must not be '{text}'",)
    elif text.startswith(".."):
        broken += ("must not start with '..'",)
    return broken


def wildcard_subdomain(text: str) -> Broken:
    """Check a host with a leading ``*.``."""
    return _too_long(text, SUBDOMAIN_BYTES) + _pattern(text, _WILDCARD, _WILDCARD_WORDS, "*.bar.com")


def path_segment(text: str) -> Broken:
    """Check a name that only has to fit into a path: names of roles and their bindings."""
    broken = [f"may not be '{text}'"] if text in (".", "..") else []
    return (*broken, *(f"may not contain '{sign}'" for sign in "/%" if sign in text))


def address(text: str) -> Broken:
    """Check an address of either family."""
    parsed = find_address(text)
    if parsed is None:
        is_padded = find_address(_without_padding(text)) is not None
        return ("must not have leading 0s",) if is_padded else (_NO_ADDRESS,)
    return ("must not be an IPv4-mapped IPv6 address",) if _is_mapped(parsed) else ()


def find_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address; ``None`` when it is none. Zones (``%eth0``) are not part of one here."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else parsed


def cidr(text: str) -> Broken:
    """Check an address range."""
    start, slash, length = text.partition("/")
    plain = _without_padding(start), length.lstrip("0") or "0"
    if not slash or not length.isdecimal() or (found := _find_range("/".join(plain))) is None:
        return ("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",)
    if plain != (start, length):
        return ("must not have leading 0s in IP or prefix length",)
    if _is_mapped(found.ip):
        return ("must not have an IPv4-mapped IPv6 address",)
    if found.ip != found.network.network_address:
        return ("must not have bits set beyond the prefix length",)
    return ()


def _find_range(text: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None


def _without_padding(text: str) -> str:
    """Give an IPv4 address without zeros in front of its numbers, which some read as octal."""
    return text if ":" in text else re.sub(r"(?<!\d)0+(?=\d)", "", text)


def _is_mapped(parsed: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None


def non_special_address(text: str) -> Broken:
    """Check an address that traffic is sent to: not one that means the machine or link itself."""
    parsed = find_address(text)
    if parsed is None or _is_mapped(parsed):
        return address(text)
    rules = (
        (parsed.is_unspecified, f"may not be unspecified ({text})"),
        (parsed.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (parsed.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (
            any(parsed in network for network in _LINK_LOCAL_MULTICAST if network.version == parsed.version),
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    )
    return tuple(words for is_broken, words in rules if is_broken)


_NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_LINK_LOCAL_MULTICAST = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))


def _pattern(text: str, pattern: str, words: str, *examples: str) -> Broken:
    return () if re.fullmatch(pattern, text) else (_regex_words(words, pattern, *examples),)


def _regex_words(words: str, pattern: str, *examples: str) -> str:
    # Kubernetes' own spacing: "(e.g. 'a',  or 'b', regex used for validation is '…')".
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{words} (e.g. {shown}regex used for validation is '{pattern}')"


def _prefixed(prefix: str, broken: Broken) -> Broken:
    return tuple(prefix + words for words in broken)


def _too_long(text: str, limit: int) -> Broken:
    return (f"must be no more than {limit} bytes",) if len(text.encode()) > limit else ()
