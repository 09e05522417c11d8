"""[IO] ``agnhost tcp-reset`` and ``port-forward-tester``: servers of one odd connection after the other."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

from netemu.agnhost.flags import parse_flags, parse_port_flag
from netemu.agnhost.stderr import say

_RESET_FLAGS = {"port": "8080"}
_LINGER_S = 0.5  # the client reads our end before the socket goes


def reset(args: tuple[str, ...]) -> int:
    """Read one byte of each connection and close it: if there are more, the kernel resets it."""
    port = parse_port_flag("port", parse_flags(args, _RESET_FLAGS)["port"])
    with socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        say(f"Serving on port {port}.")
        while True:
            sock, client = listener.accept()
            with sock:
                sock.recv(1)
            say(f"TCP request from {client[0].removeprefix('::ffff:')}:{client[1]}")


def forward(_args: tuple[str, ...]) -> int:
    """Serve one client as the environment says."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    host, port = os.environ.get("BIND_ADDRESS") or "localhost", os.environ.get("BIND_PORT", "")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, int(port or 0)), family=family)
    except (OSError, ValueError) as err:
        print(f"Error listening: {err}")
        return 1
    with listener:
        sock, _ = listener.accept()
    with sock:
        print("Accepted client connection", flush=True)
        return _converse(sock)


def _converse(sock: socket.socket) -> int:
    if expected := os.environ.get("EXPECTED_CLIENT_DATA", ""):
        data = sock.recv(len(expected))
        if len(data) != len(expected):
            print(f"Expected to read {len(expected)} bytes from client, but got {len(data)} instead. err=EOF")
            return 2
        if data != expected.encode():
            print(f'Expect to read "{expected}", but got "{data.decode(errors="replace")}". err=<nil>')
            return 3
        print("Received expected client data", flush=True)
    try:
        chunks, size, interval_ms = (_number(name) for name in ("CHUNKS", "CHUNK_SIZE", "CHUNK_INTERVAL"))
    except ValueError as err:
        print(err)
        return 1
    for number in range(chunks):
        sock.sendall(b"x" * size)
        if number + 1 < chunks:
            time.sleep(interval_ms / 1000)
    print("Shutting down connection", flush=True)
    sock.shutdown(socket.SHUT_WR)
    time.sleep(_LINGER_S)
    print("Done", flush=True)
    return 0


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    try:
        return int(text)
    except ValueError:
        raise ValueError(
            f'Error parsing {name} "{text}": strconv.Atoi: parsing "{text}": invalid syntax'
        ) from None
