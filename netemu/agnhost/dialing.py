"""netexec's ``/dial``: ask another server several times, and report who answered."""

from __future__ import annotations

import json
import socket

from netemu.agnhost.client import ConnectError, ExchangeError
from netemu.agnhost.golang import error_words
from netemu.agnhost.model import Address, LookupFailedError, Request, Response, Surroundings

DIAL_S = 5.0
_MOST_TRIES = 1000
_PARAMETERS = ("host", "protocol", "port", "request", "tries")
_PROTOCOLS = frozenset({"", "http", "udp", "sctp"})


class Dialing:
    """Dials for one netexec."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    async def answer(self, request: Request) -> Response:
        """Dial as the query says, one try after the other."""
        asked = {
            name: request.query.get(name, "") for name in ("host", "protocol", "port", "request", "tries")
        }
        self._surroundings.log("GET /dial?" + "&".join(f"{key}={value}" for key, value in asked.items()))
        protocol, tries = asked["protocol"].lower(), asked["tries"] or "1"
        if not tries.isdecimal() or int(tries) > _MOST_TRIES:
            words = f'strconv.Atoi: parsing "{tries}": invalid syntax'
            return _bad_request(f"tries parameter is invalid. {words}")
        if not asked["request"]:
            return _bad_request("request parameter not specified. <nil>")
        if protocol not in _PROTOCOLS:
            return _bad_request(f"unsupported protocol. {asked['protocol']}")
        try:
            address = Address(
                await self._surroundings.resolve(asked["host"]), port_number(asked["port"], protocol)
            )
        except (LookupFailedError, ValueError) as err:
            return _bad_request(f"host and/or port param are invalid. {err}")
        return await self._dial_often(protocol, address, asked["request"], int(tries))

    async def _dial_often(self, protocol: str, address: Address, text: str, tries: int) -> Response:
        responses, errors, last = [], [], ""
        for _ in range(tries):
            try:
                last = await self._dial(protocol, address, text)
            except (OSError, ValueError) as err:
                last = ""
                errors.append(_words(protocol, address, text, err))
            else:
                responses.append(last)
        # The original leaves the answers out if the last one is empty or missing.
        output = {"errors": errors, "responses": responses if last else []}
        found = {key: value for key, value in output.items() if value}
        return Response(json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode())

    async def _dial(self, protocol: str, address: Address, text: str) -> str:
        if protocol == "udp":
            answer = await self._surroundings.exchange(address, text.encode(), within_s=DIAL_S)
        elif protocol == "sctp":
            answer = await self._surroundings.exchange_sctp(address, text.encode(), within_s=DIAL_S)
        else:
            answer = (await self._surroundings.http_get(address, f"/{text}", within_s=DIAL_S)).body
        return answer.decode(errors="replace")


def port_number(text: str, protocol: str) -> int:
    """Read a port, also by a service's name.

    Raises:
        ValueError: there is none.

    """
    if text.isdecimal() and int(text) <= 65535:
        return int(text)
    network = "udp" if protocol == "udp" else "tcp"
    try:
        return socket.getservbyname(text, network)
    except OSError:
        raise ValueError(f"lookup {network}/{text}: unknown port") from None


def _bad_request(words: str) -> Response:
    return Response(f"{words}\n".encode(), 400, headers=(("X-Content-Type-Options", "nosniff"),))


def _words(protocol: str, address: Address, text: str, err: Exception) -> str:
    """Say why a try failed, as Go does."""
    if isinstance(err, ExchangeError) and protocol == "udp":
        why = error_words(err.__cause__ or err, "read")
        return f"reading from udp connection failed. err:'read udp {err.local}->{address}: {why}'"
    if isinstance(err, ExchangeError):
        return f"reading from sctp connection failed. err:'{error_words(err.__cause__ or err, 'read')}'"
    if protocol == "udp":
        return f"udp dial failed. err:dial udp {address}: {error_words(err, 'connect')}"
    if protocol == "sctp":
        return f"sctp dial failed. err:{error_words(err, 'connect').removeprefix('connect: ')}"
    url = f'Get "http://{address}/{text}"'
    if isinstance(err, TimeoutError):
        return f"{url}: dial tcp {address}: i/o timeout (Client.Timeout exceeded while awaiting headers)"
    if isinstance(err, ConnectError):
        return f"{url}: dial tcp {address}: {error_words(err, 'connect')}"
    return f"{url}: {error_words(err, 'read')}"
