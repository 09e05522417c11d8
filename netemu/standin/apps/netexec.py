"""``agnhost netexec``: the server that most Kubernetes network tests talk to.

Source of flags, paths and words: kubernetes, test/images/agnhost/netexec.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from netemu.runtime.container import AppSpec, Port
from netemu.standin.apps.flags import parse_flags, parse_port_flag
from netemu.standin.apps.model import (
    Address,
    Datagrams,
    Http,
    Listener,
    LookupFailedError,
    Request,
    Response,
    Surroundings,
)

_FLAGS = {"http-port": "8080", "udp-port": "8081"}
_DIAL_S = 5.0
_MOST_TRIES = 1000


def build(spec: AppSpec, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve HTTP and UDP on the ports of the flags."""
    flags = parse_flags(spec.args, _FLAGS)
    http, udp = (parse_port_flag(name, flags[name]) for name in _FLAGS)
    server = NetExec(spec.hostname, surroundings)
    listeners = [Listener(Port(number=http), Http(server.answer))]
    if udp != -1:
        listeners.append(Listener(Port(number=udp, protocol="UDP"), Datagrams(server.answer_datagram)))
    return tuple(listeners)


class NetExec:
    """Answers of one netexec."""

    def __init__(self, hostname: str, surroundings: Surroundings) -> None:
        self._hostname = hostname
        self._surroundings = surroundings
        self._paths: dict[str, Callable[[Request], Response | Awaitable[Response]]] = {
            "/clientip": lambda request: Response(str(request.client).encode()),
            "/dial": self._dial,
            "/echo": _echo,
            "/exit": self._exit,
            "/healthz": lambda _: Response(),
            "/hostname": lambda _: Response(hostname.encode()),
            "/hostName": lambda _: Response(hostname.encode()),
            "/shutdown": lambda _: self._end(0),
            "/shell": _absent,
            "/upload": _absent,
            "/redirect": _redirect,
        }

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Answer a request by its path; any other path tells the time."""
        return self._paths.get(request.path, _now)(request)

    def answer_datagram(self, data: bytes, client: Address) -> bytes | None:
        """Answer ``hostname``, ``clientip`` and ``echo TEXT``; ignore the rest."""
        text = data.decode(errors="replace").rstrip("\n")
        match text.lower().partition(" ")[0]:
            case "hostname":
                return self._hostname.encode()
            case "clientip":
                return str(client).encode()
            case "echo":
                return text.partition(" ")[2].encode()
            case _:
                return None

    async def _dial(self, request: Request) -> Response:
        query = request.query
        protocol = query.get("protocol", "http").lower() or "http"
        tries = query.get("tries", "1")
        if not tries.isdecimal() or int(tries) > _MOST_TRIES:
            return _bad_request(f"tries parameter is invalid. {tries!r} is no number up to {_MOST_TRIES}")
        if not query.get("request"):
            return _bad_request("request parameter not specified. <nil>")
        if protocol not in {"http", "udp"}:
            return _bad_request(f"unsupported protocol. {protocol}")
        try:
            address = Address(
                await self._surroundings.resolve(query.get("host", "")), int(query.get("port", ""))
            )
        except (LookupFailedError, ValueError) as err:
            return _bad_request(f"host and/or port param are invalid. {err}")
        return await self._dial_often(protocol, address, query["request"], int(tries))

    async def _dial_often(self, protocol: str, address: Address, text: str, tries: int) -> Response:
        responses, errors = [], []
        for _ in range(tries):
            try:
                responses.append(await self._dial_once(protocol, address, text))
            except (OSError, ValueError) as err:
                errors.append(_words(protocol, address, text, err))
        output = {"responses": responses, "errors": errors}
        return Response(msgspec.json.encode({key: value for key, value in output.items() if value}))

    async def _dial_once(self, protocol: str, address: Address, text: str) -> str:
        if protocol == "udp":
            answer = await self._surroundings.exchange(address, text.encode(), within_s=_DIAL_S)
        else:
            answer = await self._surroundings.http_get(address, f"/{text}", within_s=_DIAL_S)
        return answer.decode(errors="replace")

    def _exit(self, request: Request) -> Response:
        code = request.query.get("code", "0")
        if not code.isdecimal():
            return Response(f"argument 'code' must be an integer [0-127] or empty, got \"{code}\"\n".encode())
        return self._end(int(code) % 256)

    def _end(self, code: int) -> Response:
        self._surroundings.exit(code)
        return Response(close=True)


def _now(_request: Request) -> Response:
    now_ns = time.time_ns()
    moment = datetime.fromtimestamp(now_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return Response(f"NOW: {moment}.{now_ns % 10**9:09d} +0000 UTC".encode())


def _echo(request: Request) -> Response:
    code = request.query.get("code", "200")
    if not code.isdecimal() or not 200 <= int(code) <= 599:
        return Response(f"argument 'code' must be an integer or empty, got \"{code}\"\n".encode())
    return Response(request.query.get("msg", "").encode(), int(code))


def _redirect(request: Request) -> Response:
    code = request.query.get("code", "302")
    location = request.query.get("location", "/")
    return Response(b"", int(code) if code.isdecimal() else 302, headers=(("Location", location),))


def _absent(request: Request) -> Response:
    return Response(f"{request.path} is not played by netemu\n".encode(), 501)


def _bad_request(words: str) -> Response:
    return Response(f"{words}\n".encode(), 400)


def _words(protocol: str, address: Address, text: str, err: Exception) -> str:
    """Say why a try failed, as Go does."""
    if isinstance(err, TimeoutError):
        why = "i/o timeout"
    else:
        number = getattr(err, "errno", None)
        why = os.strerror(number).lower() if number else str(err)
    if protocol == "udp":
        return f"reading from udp connection failed. err:'{why}'"
    return f'Get "http://{address}/{text}": dial tcp {address}: connect: {why}'
