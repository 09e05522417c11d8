"""``agnhost no-snat-test`` and ``no-snat-test-proxy``: whether others see a pod's own address."""

from __future__ import annotations

from collections.abc import Awaitable
from ipaddress import ip_address

from netemu.agnhost.flags import parse_flags
from netemu.agnhost.golang import error_words, quoted, split_host_port
from netemu.agnhost.model import (
    Address,
    AppError,
    Http,
    Listener,
    LookupFailedError,
    Reply,
    Request,
    Response,
    Setting,
    Surroundings,
)

FLAGS = {"port": "8080"}
PROXY_FLAGS = {"port": "31235"}

_ASK_S = 30.0
_NOT_FOUND = Response(b"404 page not found\n", 404)


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve /whoami and /checknosnat."""
    number = int(parse_flags(setting.args, FLAGS)["port"])
    pod, node = (_address(setting, name) for name in ("POD_IP", "NODE_IP"))

    async def check(request: Request) -> Response:
        words = [
            await _check(surroundings, target, pod, node)
            for target in request.query.get("ips", "").split(",")
        ]
        failures = [each for each in words if each]
        return Response(", ".join(failures).encode(), 500 if failures else 200)

    def answer(request: Request) -> Response | Awaitable[Response]:
        match request.path:
            case "/whoami":
                return Response(str(request.client).encode())
            case "/checknosnat":
                return check(request)
            case _:
                return _NOT_FOUND

    return (Listener(number, Http(answer, access_log=False)),)


def build_proxy(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Pass /checknosnat on to ``target``."""
    number = int(parse_flags(setting.args, PROXY_FLAGS)["port"])

    async def ask(request: Request) -> Response:
        target, ips = request.query.get("target", ""), request.query.get("ips", "")
        url = f"http://{target}/checknosnat?ips={ips}"
        try:
            reply = await _get(surroundings, target, f"/checknosnat?ips={ips}")
        except (OSError, ValueError, LookupFailedError) as err:
            words = f"error querying {quoted(url)}, err: Get {quoted(url)}: {error_words(err, 'connect')}"
            return Response(words.encode(), 500)
        return Response(reply.body, reply.status)

    def answer(request: Request) -> Response | Awaitable[Response]:
        return ask(request) if request.path == "/checknosnat" else _NOT_FOUND

    return (Listener(number, Http(answer, access_log=False)),)


async def _check(surroundings: Surroundings, target: str, pod: str, node: str) -> str:
    """Say what is wrong with how a target sees us; empty if nothing is."""
    url = f"http://{target}/whoami"
    try:
        reply = await _get(surroundings, target, "/whoami")
    except (OSError, ValueError, LookupFailedError) as err:
        return f"Get {quoted(url)}: dial tcp {target}: {error_words(err, 'connect')}"
    seen = reply.body.decode(errors="replace").rpartition(":")[0].strip("[]")
    if seen == pod:
        return ""
    if seen == node:
        return f"Returned ip {quoted(seen)} != my Pod ip {quoted(pod)}, == my Node ip {quoted(node)} - SNAT"
    return (
        f"Returned ip {quoted(seen)} != my Pod ip {quoted(pod)} or my Node ip {quoted(node)} - SNAT to "
        "unexpected ip (possible SNAT through unexpected interface on the way into another node)"
    )


async def _get(surroundings: Surroundings, target: str, path: str) -> Reply:
    host, port = split_host_port(target) if ":" in target else (target, "80")
    address = Address(await surroundings.resolve(host), int(port))
    return await surroundings.http_get(address, path, within_s=_ASK_S)


def _address(setting: Setting, name: str) -> str:
    text = setting.env.get(name)
    if text is None:
        raise AppError(f"{name} env var was not present in the environment")
    try:
        ip_address(text)
    except ValueError:
        raise AppError(f"{name} env var contained {quoted(text)}, which is not an IP address") from None
    return text
