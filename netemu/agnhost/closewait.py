"""[IO] ``agnhost net``: both ends of a connection that is half closed, for tests of conntrack."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Callable

from netemu.agnhost.flags import parse_flags, parse_number_flag
from netemu.agnhost.golang import error_words, split_host_port
from netemu.agnhost.model import AppError, Http, Listener, Request, Response, Setting, Surroundings
from netemu.agnhost.process import Ending, run_app
from netemu.agnhost.stderr import say

_FLAGS = {"serve": "", "runner": "", "options": "", "delay-shutdown": "0"}

_leaked: list[asyncio.StreamWriter] = []
"""Connections that stay until the process ends, because a client was told to leak them."""


def run(args: tuple[str, ...]) -> int:
    """Run one end, or serve requests to run one."""
    flags = parse_flags(args, _FLAGS)
    if not flags["runner"] and not flags["serve"]:
        raise AppError("Must set either --runner or --serve, see --help")
    delay_s = parse_number_flag("delay-shutdown", flags["delay-shutdown"])
    if flags["serve"]:
        words = (f"main.go:97: {_sleeping(delay_s)}",)
        ending = Ending(0, float(delay_s), words) if delay_s > 0 else Ending()
        return run_app(build, args, ending, (f"main.go:119: Running server on {flags['serve']}",))
    signal.signal(signal.SIGTERM, lambda *_: _end(delay_s))
    lines: list[str] = []
    try:
        asyncio.run(_execute(flags["runner"], flags["options"], lines))
    except (OSError, ValueError) as err:
        say(f"main.go:111: Error: {error_words(err, 'connect')}")
        print(_output(lines), end="")
        return 1
    print(_output(lines), end="")
    return 0


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve /run/RUNNER: the body of a request has the runner's options, the answer what it says."""
    host, port = split_host_port(parse_flags(setting.args, _FLAGS)["serve"])

    async def answer(request: Request) -> Response:
        surroundings.log(f"main.go:153: handleRunRequest {request.line}")
        parts = request.path.split("/")
        if parts[1:2] != ["run"] or len(parts) < 3:
            return Response(b"404 page not found\n", 404)
        if len(parts) > 3:
            return Response(f"invalid request to run: [{' '.join(parts)}]\n".encode(), 400)
        return await _answer(parts[2], request.body.decode(errors="replace"))

    return (Listener(int(port), Http(answer, access_log=False), host=host),)


async def _answer(name: str, options: str) -> Response:
    lines: list[str] = []
    try:
        await _execute(name, options, lines)
    except (OSError, ValueError) as err:
        words = f"Error from runner: {error_words(err, 'connect')}\n{_output(lines)}\n"
        return Response(words.encode(), 500)
    return Response(f"ok\n{_output(lines)}".encode())


async def _execute(name: str, text: str, lines: list[str]) -> None:
    runner = {"nat-closewait-client": _client, "nat-closewait-server": _server}.get(name)
    if runner is None:
        raise ValueError(f"Invalid runner: '{name}', see --help")
    try:
        options = json.loads(text)
    except ValueError as err:
        raise ValueError(f"Invalid options JSON: {err}") from err
    say(f"main.go:130: Options: {options}")
    await runner({key.lower(): value for key, value in options.items()}, lines.append)


async def _server(options: dict[str, object], log: Callable[[str], None]) -> None:
    log(f"closewait.go:73: Run {options}")
    host, port = split_host_port(str(options.get("localaddr", "")))
    family = socket.AF_INET if "." in host else socket.AF_INET6
    wait_s = int(str(options.get("postfintimeoutseconds", 0)))
    with socket.create_server((host, int(port)), family=family, dualstack_ipv6=not host) as listener:
        log(f"closewait.go:86: Server listening on {host}:{port}")
        listener.setblocking(False)
        sock, _ = await asyncio.get_running_loop().sock_accept(listener)
        with sock:
            log("closewait.go:94: Client connected")
            sock.shutdown(socket.SHUT_WR)
            log(f"closewait.go:103: Server sent FIN, waiting {wait_s} seconds")
            await asyncio.sleep(wait_s)
    log("closewait.go:108: Done")


async def _client(options: dict[str, object], log: Callable[[str], None]) -> None:
    log(f"closewait.go:150: Run {options}")
    host, port = split_host_port(str(options.get("remoteaddr", "")))
    timeout_s = int(str(options.get("timeoutseconds", 0)))
    wait_s = int(str(options.get("postfintimeoutseconds", 0)))
    reader, writer = await asyncio.open_connection(host, int(port))
    if options.get("leakconnection"):
        _leaked.append(writer)
    log("closewait.go:164: Connected to server")
    if await asyncio.wait_for(reader.read(1), timeout_s or None):
        raise ValueError("Got data but expected EOF")
    log(f"closewait.go:182: Server has half-closed the connection, waiting {wait_s} seconds")
    if options.get("leakconnection"):
        log("closewait.go:186: Leaking client connection (assigning to global variable)")
    await asyncio.sleep(wait_s)
    if not options.get("leakconnection"):
        writer.close()
    log("closewait.go:193: Done")


def _output(lines: list[str]) -> str:
    return "output:\n\n" + "".join(f"# {line}\n" for line in lines)


def _sleeping(delay_s: int) -> str:
    return f"Sleeping {delay_s} seconds before terminating..."


def _end(delay_s: int) -> None:
    if delay_s > 0:
        say(f"main.go:97: {_sleeping(delay_s)}")
        time.sleep(delay_s)
        os._exit(0)
    os._exit(2)
