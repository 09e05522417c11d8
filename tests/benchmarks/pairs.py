"""A load generator that compares two ways: it takes turns, so that whatever else the machine does hits both.

``serve PORT`` prints "listening" and serves until killed. ``connections|trips|bytes|latency WAY WAY SECONDS``
prints as JSON how much of it a second each way gave, the median of their ratios, and which part of the time
this program itself used the processor (``own``): what is measured must be the rest. ``latency`` is the
microseconds of one connect(2), in which the kernel does all of a handshake. A way is
``[/path/of/a/network/namespace@]IP:PORT``. Self-contained: nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from resource import RUSAGE_SELF, getrusage
from statistics import median

CLONE_NEWNET = 0x40000000
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no TIME_WAIT, so that ports never run out
# In one turn: less than the time for which another program takes the processor, so most turns have it.
CONNECTIONS, TRIPS, BLOCK_BYTES = 20, 50, 1 << 20
PIECE = bytes(256 * 1024)
REST_S = 0.005
NEAR = {min(os.sched_getaffinity(0))}
"""The processor that both ends of a round trip share: to wake another one takes longer than the trip."""

Turn = Callable[[], tuple[float, float]]
"""Does some of it; gives how much that was, and how long it took."""


def serve(port: int) -> None:
    """Serve until killed: one port for connections that only come, the next for those that want something."""
    comers = socket.create_server(("0.0.0.0", port), backlog=4096)
    talkers = socket.create_server(("0.0.0.0", port + 1))
    threading.Thread(target=_take, args=(comers,), daemon=True).start()
    print("listening", flush=True)
    while True:
        talker, _ = talkers.accept()
        threading.Thread(target=_talk, args=(talker,), daemon=True).start()


def _take(comers: socket.socket) -> None:
    """Accept many at once, so that a client has its processor to itself."""
    comers.setblocking(False)
    while True:
        time.sleep(REST_S)
        try:
            while True:
                os.close(comers.accept()[0].detach())
        except OSError:
            continue


def _talk(talker: socket.socket) -> None:
    """Answer each byte with one. After the letter b, take that many bytes first; with n, move nearer."""
    talker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray(1 << 20)
    with talker:
        while wish := talker.recv(1):
            if wish == b"n":
                os.sched_setaffinity(0, NEAR)
            left = BLOCK_BYTES if wish == b"b" else 0
            while left:
                left -= talker.recv_into(buffer, min(left, len(buffer)))
            talker.sendall(b"x")


class Way:
    """Where to connect to, and from which namespace."""

    def __init__(self, text: str) -> None:
        path, _, where = text.rpartition("@")
        ip, _, port = where.rpartition(":")
        self._ns_fd = os.open(path or "/proc/thread-self/ns/net", os.O_RDONLY)
        self._address = (ip, int(port))

    def enter(self) -> None:
        """Have the sockets that are made next in this way's namespace."""
        if ctypes.CDLL(None, use_errno=True).setns(self._ns_fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def connections(self) -> Turn:
        """Connect, one after the other, and close at once."""
        self.enter()
        address, family, kind = self._address, socket.AF_INET, socket.SOCK_STREAM
        make = socket.socket.__base__  # without what Python adds: it is not what is measured

        def turn() -> tuple[float, float]:
            self.enter()
            start = time.perf_counter()
            for _ in range(CONNECTIONS):
                sock = make(family, kind)
                sock.connect(address)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.close()
            return CONNECTIONS, time.perf_counter() - start

        return turn

    def latency(self) -> Turn:
        """Connect; what is measured is the median time of one connect, in microseconds, upside down."""
        make, clock, address = socket.socket.__base__, time.perf_counter, self._address

        def turn() -> tuple[float, float]:
            self.enter()
            took_s = []
            for _ in range(CONNECTIONS):
                sock = make(socket.AF_INET, socket.SOCK_STREAM)
                start = clock()
                sock.connect(address)
                took_s.append(clock() - start)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.close()
            return median(took_s) * 1e6, 1.0

        return turn

    def trips(self) -> Turn:
        """Send one byte and wait for one, again and again."""
        sock = self._talker()
        os.sched_setaffinity(0, NEAR)
        sock.send(b"n")
        sock.recv(1)

        def turn() -> tuple[float, float]:
            start = time.perf_counter()
            for _ in range(TRIPS):
                sock.send(b"x")
                sock.recv(1)
            return TRIPS, time.perf_counter() - start

        return turn

    def bytes(self) -> Turn:
        """Send many bytes and wait until they are there."""
        sock = self._talker()

        def turn() -> tuple[float, float]:
            start = time.perf_counter()
            sock.sendall(b"b")
            for _ in range(BLOCK_BYTES // len(PIECE)):
                sock.sendall(PIECE)
            sock.recv(1)
            return BLOCK_BYTES, time.perf_counter() - start

        return turn

    def _talker(self) -> socket.socket:
        self.enter()
        ip, port = self._address
        sock = socket.create_connection((ip, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock


def compare(what: str, texts: list[str], seconds: float) -> dict[str, float]:
    """Take turns, and who is first changes with each."""
    first, second = (getattr(Way(text), what)() for text in texts)
    rates: list[tuple[float, float]] = []
    first(), second()  # the caches are warm
    start, used = time.perf_counter(), getrusage(RUSAGE_SELF)
    while time.perf_counter() - start < seconds:
        if len(rates) % 2:
            there = _rate(second)
            rates.append((_rate(first), there))
        else:
            rates.append((_rate(first), _rate(second)))
    now = getrusage(RUSAGE_SELF)
    return {
        "first": median(a for a, _ in rates),
        "second": median(b for _, b in rates),
        "ratio": median(a / b for a, b in rates),
        "own": (now.ru_utime - used.ru_utime) / (time.perf_counter() - start),
    }


def _rate(turn: Turn) -> float:
    amount, took_s = turn()
    return amount / took_s


def main(words: list[str]) -> None:
    """Do what the command line says."""
    if words[0] == "serve":
        serve(int(words[1]))
    print(json.dumps(compare(words[0], words[1:3], float(words[3]))))


if __name__ == "__main__":
    main(sys.argv[1:])
