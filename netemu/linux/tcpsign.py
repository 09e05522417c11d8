"""Whether the kernel can sign TCP segments (RFC 2385), as BGP's passwords need it."""

from __future__ import annotations

import socket
import struct

_TCP_MD5SIG = 14  # include/uapi/linux/tcp.h, and struct tcp_md5sig: address, flags, prefix, lengths, key
_SIGNATURE = struct.Struct("=H126xBBHI80s")


def can_sign() -> bool:
    """Ask a socket of its own, which is connected to nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            sock.setsockopt(
                socket.IPPROTO_TCP, _TCP_MD5SIG, _SIGNATURE.pack(socket.AF_INET, 0, 0, 1, 0, b"k")
            )
        except OSError:
            return False
    return True
