"""[IO] ``agnhost net``: both ends of a connection that is half closed, for tests of conntrack."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable

from netemu.agnhost.flags import parse_flags, parse_number_flag
from netemu.agnhost.golang import error_words, split_host_port
from netemu.agnhost.model import AppError
from netemu.agnhost.stderr import say

_FLAGS = {"serve": "", "runner": "", "options": "", "delay-shutdown": "0"}

_leaked: list[socket.socket] = []
"""Connections that stay until the process ends, because a client was told to leak them."""


def run(args: tuple[str, ...]) -> int:
    """Run one end."""
    flags = parse_flags(args, _FLAGS)
    if not flags["runner"] and not flags["serve"]:
        raise AppError("Must set either --runner or --serve, see --help")
    if flags["serve"]:
        raise AppError("netemu does not play --serve; give --runner and --options")
    delay_s = parse_number_flag("delay-shutdown", flags["delay-shutdown"])
    signal.signal(signal.SIGTERM, lambda *_: _end(delay_s))
    lines: list[str] = []
    try:
        _execute(flags["runner"], flags["options"], lines)
    except (OSError, ValueError) as err:
        say(f"main.go:111: Error: {error_words(err, 'connect')}")
        print("output:\n\n" + "".join(f"# {line}\n" for line in lines), end="")
        return 1
    print("output:\n\n" + "".join(f"# {line}\n" for line in lines), end="")
    return 0


def _execute(name: str, text: str, lines: list[str]) -> None:
    runner = {"nat-closewait-client": _client, "nat-closewait-server": _server}.get(name)
    if runner is None:
        raise ValueError(f"Invalid runner: '{name}', see --help")
    try:
        options = json.loads(text)
    except ValueError as err:
        raise ValueError(f"Invalid options JSON: {err}") from err
    say(f"main.go:130: Options: {options}")
    runner({key.lower(): value for key, value in options.items()}, lines.append)


def _server(options: dict[str, object], log: Callable[[str], None]) -> None:
    log(f"closewait.go:73: Run {options}")
    host, port = split_host_port(str(options.get("localaddr", "")))
    family = socket.AF_INET if "." in host else socket.AF_INET6
    wait_s = int(str(options.get("postfintimeoutseconds", 0)))
    with socket.create_server((host, int(port)), family=family, dualstack_ipv6=not host) as listener:
        log(f"closewait.go:86: Server listening on {host}:{port}")
        sock, _ = listener.accept()
        with sock:
            log("closewait.go:94: Client connected")
            sock.shutdown(socket.SHUT_WR)
            log(f"closewait.go:103: Server sent FIN, waiting {wait_s} seconds")
            time.sleep(wait_s)
    log("closewait.go:108: Done")


def _client(options: dict[str, object], log: Callable[[str], None]) -> None:
    log(f"closewait.go:150: Run {options}")
    host, port = split_host_port(str(options.get("remoteaddr", "")))
    timeout_s = int(str(options.get("timeoutseconds", 0)))
    wait_s = int(str(options.get("postfintimeoutseconds", 0)))
    sock = socket.create_connection((host, int(port)))
    if options.get("leakconnection"):
        _leaked.append(sock)
    log("closewait.go:164: Connected to server")
    sock.settimeout(timeout_s or None)
    if sock.recv(1):
        raise ValueError("Got data but expected EOF")
    log(f"closewait.go:182: Server has half-closed the connection, waiting {wait_s} seconds")
    if options.get("leakconnection"):
        log("closewait.go:186: Leaking client connection (assigning to global variable)")
    time.sleep(wait_s)
    if not options.get("leakconnection"):
        sock.close()
    log("closewait.go:193: Done")


def _end(delay_s: int) -> None:
    if delay_s > 0:
        say(f"main.go:97: Sleeping {delay_s} seconds before terminating...")
        time.sleep(delay_s)
        os._exit(0)
    os._exit(2)
