"""What one client may cost the API server: time, and memory that waits for it."""

from __future__ import annotations

from msgspec import Struct

MAX_BODY_BYTES = 3 << 20
"""What Kubernetes takes of one request (etcd takes 1.5 MiB, JSON is longer)."""


class Limits(Struct, frozen=True, kw_only=True):
    """How long the server waits for a client, and how much it keeps meanwhile.

    The times are Kubernetes' where it has them.
    """

    handshake_s: float = 10.0
    """TLS is a few packets: who needs longer on loopback does not mean it."""

    head_s: float = 32.0
    """A request's line and headers, from the first byte (apiserver's ReadHeaderTimeout)."""

    idle_s: float = 90.0
    """Between two requests of a connection, and before the first (apiserver's IdleTimeout)."""

    body_s: float = 60.0
    """A request's whole body (apiserver's --request-timeout)."""

    unread_s: float = 30.0
    """A client that takes nothing for so long, with its buffer full, is left. Streams out of pods
    are exempt: somebody may read a log with a pager."""

    buffer_bytes: int = 64 << 10
    """What waits in our memory for a client that does not read, beside the kernel's buffers."""

    bodies_bytes: int = 64 << 20
    """All bodies that are being read at one moment: more are told to come again."""

    connections: int = 5_000
    """At one moment: each costs 14 kB, over TLS 60 kB, and a descriptor, of which nodes need some."""

    head_bytes: int = 64 << 10
    """One line of a request's head: label selectors and tokens make some long."""


DEFAULT = Limits()
