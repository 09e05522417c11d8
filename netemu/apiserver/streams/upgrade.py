"""Which protocol a client and this server have in common, after an HTTP upgrade. Pure.

Source: apimachinery ``pkg/util/httpstream`` and ``streaming/pkg/httpstream/wsstream``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from netemu.api.errors import BadRequestError, ForbiddenError

SPDY = "SPDY/3.1"
VERSION_HEADER = "X-Stream-Protocol-Version"
WEBSOCKET_HEADER = "Sec-WebSocket-Protocol"


class Fields(Protocol):
    """Headers, of which one may come several times."""

    def get(self, name: str, default: str, /) -> str:
        """Give the first value."""
        ...

    def getall(self, name: str, default: Sequence[str], /) -> Sequence[str]:
        """Give all values."""
        ...


def wanted_upgrade(headers: Fields) -> str:
    """Tell what the client wants to speak: "websocket" or "spdy".

    Raises:
        BadRequestError: HTTP alone, or something else.

    """
    upgrade = headers.get("Upgrade", "").lower()
    if upgrade not in ("websocket", SPDY.lower()):
        raise BadRequestError(
            "Upgrade request required", hint="This is spoken over WebSocket, or over SPDY/3.1."
        )
    return "spdy" if upgrade == SPDY.lower() else "websocket"


def offered(headers: Fields, name: str) -> tuple[str, ...]:
    """List the protocols that a client names, its favourite first."""
    parts = ",".join(headers.getall(name, ())).split(",")
    return tuple(part.strip() for part in parts if part.strip())


def choose_spdy(headers: Fields, spoken: Sequence[str]) -> str:
    """Choose the version of a protocol over SPDY; a client that names none gets the oldest.

    Raises:
        ForbiddenError: none is spoken by both.

    """
    names = offered(headers, VERSION_HEADER)
    if not names:
        return spoken[-1]
    for name in names:
        if name in spoken:
            return name
    raise ForbiddenError(
        f"unable to upgrade: unable to negotiate protocol: client supports {_go_list(names)}, "
        f"server accepts {_go_list(spoken)}"
    )


def check_websocket(headers: Fields, spoken: Sequence[str]) -> None:
    """Refuse a WebSocket client that names protocols, and none that is spoken here.

    Raises:
        BadRequestError: naming what is.

    """
    names = offered(headers, WEBSOCKET_HEADER)
    if names and not set(names).intersection(spoken):
        raise BadRequestError(
            f"unable to upgrade: the client speaks {', '.join(names)}, this server {', '.join(spoken)}"
        )


def spdy_headers(version: str) -> Mapping[str, str]:
    """Give the headers of the 101 that begins SPDY."""
    return {"Upgrade": SPDY, VERSION_HEADER: version}


def _go_list(names: Sequence[str]) -> str:
    return f"[{' '.join(names)}]"
