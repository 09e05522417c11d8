"""``agnhost liveness``: well for ten seconds, and failures on request."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from netemu.agnhost.flags import parse_flags
from netemu.agnhost.golang import quoted, render_duration
from netemu.agnhost.model import Http, Listener, Request, Response, Setting, Surroundings
from netemu.agnhost.netexec import redirect

WELL_S = 10.0
_PORT = 8080
_PARAMETERS = {"code": 500, "time": 0, "size": 0, "interval": 0}


def build(
    setting: Setting, _surroundings: Surroundings, clock: Callable[[], float] = time.monotonic
) -> tuple[Listener, ...]:
    """Serve on port 8080."""
    parse_flags(setting.args, {})
    server = Liveness(clock)
    return (Listener(_PORT, Http(server.answer, access_log=False)),)


class Liveness:
    """Answers by the time since its start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started_s = clock()

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Answer a request by its path."""
        passed_s = self._clock() - self._started_s
        match request.path:
            case "/started":
                return Response(render_duration(passed_s).encode())
            case "/healthz":
                return Response(f"error: {passed_s}".encode(), 500) if passed_s > WELL_S else Response(b"ok")
            case "/redirect":
                return redirect(request, unquote(request.query.get("loc", "")), 302)
            case "/disconnect-headers":
                return Response(abort=True)
            case "/sleep-headers" | "/sleep-body" | "/slow-response" | "/disconnect-body":
                return _fail(request)
            case _:
                return Response(b"404 page not found\n", 404)


async def _fail(request: Request) -> Response:
    numbers = dict(_PARAMETERS)
    for name in _PARAMETERS:
        text = request.query.get(name, "")
        if text and not text.removeprefix("-").isdecimal():
            why = f"strconv.Atoi: parsing {quoted(text)}: invalid syntax"
            return Response(f"parameter '{name}' is invalid: {why}\n".encode(), 400)
        numbers[name] = int(text or numbers[name])
    await asyncio.sleep(numbers["time"] + numbers["size"] * numbers["interval"])
    filler = b"".join(b"%16x" % random.getrandbits(64) for _ in range(numbers["size"] * 64))
    if request.path == "/disconnect-body":
        return Response(abort=True)
    said = f"Slept for {numbers['time']} secs\n".encode()
    if request.path == "/sleep-headers":
        return Response(said + filler, numbers["code"])
    return Response(filler + (said if request.path == "/sleep-body" else b""), numbers["code"])
