"""Headers on their way through the proxy. Pure."""

from __future__ import annotations

from collections.abc import Iterable

Fields = list[tuple[str, str]]

_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_OURS = frozenset({"authorization", "expect"})
"""Credentials for the API server are nobody else's; what is expected of us, we do."""
_SAID_BY_US = ("impersonate-", "x-remote-")
"""Who asks is told by who knows it, if at all."""


def request_headers(given: Iterable[tuple[str, str]], *, upgrade: str, forwarded: Fields) -> Fields:
    """Give the headers of a request to a backend."""
    fields = list(given)
    dropped = _dropped(fields) | _OURS | {name.lower() for name, _ in forwarded}
    kept = [
        (name, value)
        for name, value in fields
        if name.lower() not in dropped and not name.lower().startswith(_SAID_BY_US)
    ]
    more = [("Connection", "Upgrade"), ("Upgrade", upgrade)] if upgrade else [("Connection", "close")]
    return [*kept, *forwarded, *more]


def response_headers(given: Iterable[tuple[str, str]]) -> Fields:
    """Give the headers of a backend's answer that are meant for the client."""
    fields = list(given)
    dropped = _dropped(fields)
    return [(name, value) for name, value in fields if name.lower() not in dropped]


def forwarded_headers(*, client: str, given: str, host: str, scheme: str, uri: str) -> Fields:
    """Give the headers that tell a backend how it is seen from outside; ``given`` is what the
    client said of those before it.
    """
    chain = ", ".join(part for part in (given, client) if part)
    fields = [("X-Forwarded-Host", host), ("X-Forwarded-Proto", scheme), ("X-Forwarded-Uri", uri)]
    return [*fields, ("X-Forwarded-For", chain)] if chain else fields


def _dropped(fields: Fields) -> frozenset[str]:
    """List what ends at this connection: the known headers, and those that "Connection" names."""
    named = ",".join(value for name, value in fields if name.lower() == "connection").split(",")
    return _HOP_BY_HOP | {name.strip().lower() for name in named}
