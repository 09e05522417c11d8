"""The load generator: one server, and clients that count bytes, round trips or connections.

``serve PORT`` prints "listening" and serves until killed. ``bytes|trips|connections IP PORT
SECONDS`` print how many there were in a second. A connection's first byte says what it wants.
Self-contained: nothing but the standard library.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time

BLOCK = bytes(256 * 1024)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no TIME_WAIT, so that ports never run out


def serve(port: int) -> None:
    """Serve until killed; each connection that lasts has its own thread."""
    with socket.create_server(("0.0.0.0", port), backlog=1024) as server:
        print("listening", flush=True)
        while True:
            connection, _ = server.accept()
            wish = connection.recv(1)
            if wish in (b"b", b"t"):
                target = _swallow if wish == b"b" else _echo
                threading.Thread(target=target, args=(connection,), daemon=True).start()
            else:
                connection.close()


def _swallow(connection: socket.socket) -> None:
    """Take bytes until there are no more, then say how many they were."""
    buffer, total = bytearray(1 << 20), 0
    with connection:
        while got := connection.recv_into(buffer):
            total += got
        connection.sendall(struct.pack("!Q", total))


def _echo(connection: socket.socket) -> None:
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while got := connection.recv(64):
            connection.sendall(got)


def count_bytes(address: tuple[str, int], seconds: float) -> float:
    """Give the bytes a second that arrived at the other end."""
    with socket.create_connection(address) as sock:
        sock.sendall(b"b")
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            sock.sendall(BLOCK)
        sock.shutdown(socket.SHUT_WR)
        (total,) = struct.unpack("!Q", sock.recv(8, socket.MSG_WAITALL))
        return float(total) / (time.monotonic() - start)


def count_trips(address: tuple[str, int], seconds: float) -> float:
    """Give the round trips of one byte a second, one after the other."""
    trips = 0
    with socket.create_connection(address) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"t")
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            sock.sendall(b"x")
            sock.recv(1)
            trips += 1
        return trips / (time.monotonic() - start)


def count_connections(address: tuple[str, int], seconds: float) -> float:
    """Give the connections a second, one after the other, each with one byte to the other end."""
    made = 0
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        with socket.create_connection(address) as sock:
            sock.sendall(b"c")
            sock.recv(1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            made += 1
    return made / (time.monotonic() - start)


def main(words: list[str]) -> None:
    """Do what the command line says."""
    if words[0] == "serve":
        serve(int(words[1]))
    count = {"bytes": count_bytes, "trips": count_trips, "connections": count_connections}[words[0]]
    print(count((words[1], int(words[2])), float(words[3])))


if __name__ == "__main__":
    main(sys.argv[1:])
