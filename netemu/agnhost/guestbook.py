"""``agnhost guestbook``: a store with replicas, and the page in front of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable

from netemu.agnhost.flags import parse_flags, parse_port_flag
from netemu.agnhost.golang import error_words, join_host_port
from netemu.agnhost.model import (
    Address,
    Http,
    Listener,
    LookupFailedError,
    Request,
    Response,
    Setting,
    Surroundings,
)

FLAGS = {"http-port": "80", "backend-port": "6379", "replicaof": ""}

_ASK_S = 5.0


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve the store on ``--http-port``."""
    flags = parse_flags(setting.args, FLAGS)
    number, backend = (parse_port_flag(name, flags[name]) for name in ("http-port", "backend-port"))
    book = Guestbook(surroundings, backend, flags["replicaof"], setting.hostname)
    return (Listener(number, Http(book.answer, access_log=False)),)


class Guestbook:
    """One node of a guestbook. A replica registers, and takes its primary's store, when it is first asked."""

    def __init__(self, surroundings: Surroundings, backend: int, primary: str, hostname: str) -> None:
        self._surroundings = surroundings
        self._backend = backend
        self._primary = primary
        self._hostname = hostname
        self._store: dict[str, str] = {}
        self._replicas: list[str] = []

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Answer by path."""
        match request.path:
            case "/register":
                return self._register(request.query.get("host", ""))
            case "/get":
                return self._follow(request) if self._primary else self._get(request)
            case "/set":
                return self._set(request)
            case "/guestbook":
                return self._proxy(request)
            case _:
                return Response(b"404 page not found\n", 404)

    def _get(self, request: Request) -> Response:
        key = request.query.get("key", "")
        self._surroundings.log(f"GET /get?key={key}")
        return _json({"data": self._store.get(key, "") if key else self._store})

    async def _follow(self, request: Request) -> Response:
        try:
            own = await self._surroundings.resolve(self._hostname)
            answer = json.loads(await self._ask(self._primary, f"/register?host={own}"))
        except (OSError, ValueError, LookupFailedError) as err:
            self._surroundings.log(f"encountered error while registering to primary: {err}. Retrying.")
        else:
            self._store = answer["data"]
            self._surroundings.log(f"Registered to node: {self._primary}")
            self._primary = ""
        return self._get(request)

    def _register(self, host: str) -> Response:
        self._surroundings.log(f"GET /register?host={host}")
        self._replicas.append(host)
        self._surroundings.log(f"Node '{host}' registered.")
        return _json({"data": self._store})

    async def _set(self, request: Request) -> Response:
        key, value = request.query.get("key", ""), request.query.get("value", "")
        self._surroundings.log(f"GET /set?key={key}&value={value}")
        if not key:
            return Response(b"cannot set with empty key.\n", 400)
        self._store[key] = value
        for replica in self._replicas:
            try:
                await self._ask(replica, f"/set?key={key}&value={value}")
            except (OSError, ValueError, LookupFailedError) as err:
                words = f"encountered error while propagating to replica '{replica}': "
                return Response(f"{words}{error_words(err, 'connect')}\n".encode(), 417)
        return _json({"message": "Updated"})

    async def _proxy(self, request: Request) -> Response:
        command = request.query.get("cmd", "").lower()
        key, value = request.query.get("key", ""), request.query.get("value", "")
        self._surroundings.log(f"GET /guestbook?cmd={command}&key={key}&value={value}")
        if command not in {"get", "set"}:
            return Response(f"unsupported cmd: '{command}'\n".encode(), 400)
        if command == "set" and not key:
            return Response(b"cannot set with empty key.\n", 400)
        host = "agnhost-primary" if command == "set" else "agnhost-replica"
        try:
            return Response(await self._ask(host, f"/{command}?key={key}&value={value}"))
        except LookupFailedError as err:
            return Response(f"host and/or port param are invalid. {err}\n".encode(), 400)
        except (OSError, ValueError) as err:
            place = join_host_port(host, str(self._backend))
            return Response(f"encountered error: {place}: {error_words(err, 'connect')}\n".encode(), 417)

    async def _ask(self, host: str, target: str) -> bytes:
        address = Address(await self._surroundings.resolve(host), self._backend)
        return (await self._surroundings.http_get(address, target, within_s=_ASK_S)).body


def _json(document: object) -> Response:
    return Response(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())
