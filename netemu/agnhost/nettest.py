"""``agnhost nettest``: who heard of whom, for tests that ask each pod about all the others.

Peers are looked for when somebody asks for the status, not by themselves.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping

from netemu.agnhost.flags import parse_flags, parse_number_flag, parse_port_flag
from netemu.agnhost.golang import join_host_port
from netemu.agnhost.model import Http, Listener, Request, Response, Setting, Surroundings

FLAGS = {"port": "8080", "peers": "8", "service": "nettest", "namespace": "default", "delay-shutdown": "0"}

_MOST_LINES = 500
_FIND_ENDPOINTS = """\
exec curl -sf --max-time 10 --cacert /var/run/secrets/kubernetes.io/serviceaccount/ca.crt \
-H "Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)" \
"https://kubernetes.default/api/v1/namespaces/$1/endpoints/$2"
"""
_POST = ("curl", "-sf", "--max-time", "10", "-H", "Content-Type: application/json", "--data-binary", "@-")


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve on ``--port``."""
    flags = parse_flags(setting.args, FLAGS)
    peers = parse_number_flag("peers", flags["peers"])
    server = NetTest(setting.hostname, peers, (flags["namespace"], flags["service"]), surroundings)
    return (Listener(parse_port_flag("port", flags["port"]), Http(server.answer, access_log=False)),)


class NetTest:
    """What one pod has heard and said."""

    def __init__(
        self, hostname: str, peers: int, service: tuple[str, str], surroundings: Surroundings
    ) -> None:
        self._hostname = hostname
        self._peers = peers
        self._service = service
        self._surroundings = surroundings
        self._sent: dict[str, int] = {}
        self._received: dict[str, int] = {}
        self._errors: list[str] = []
        self._log: list[str] = []

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Answer by path."""
        match request.path:
            case "/read":
                return Response(json.dumps(self._state(), indent="\t").encode())
            case "/write":
                return self._write(request.body)
            case "/status":
                return self._status()
            case "/quit":
                self._surroundings.exit(0)
                return Response(abort=True)
            case _:
                return Response(b"404 page not found\n", 404)

    def _state(self) -> dict[str, object]:
        return {
            "Hostname": self._hostname,
            "Sent": self._sent or None,
            "Received": self._received or None,
            "Errors": self._errors or None,
            "Log": self._log or None,
            "StillContactingPeers": not self._has_passed(),
        }

    def _write(self, body: bytes) -> Response:
        try:
            source = str(json.loads(body).get("Source", ""))
        except (ValueError, AttributeError) as err:
            self._errors.append(str(err))
            source = ""
        if source:
            self._received[source] = self._received.get(source, 0) + 1
        else:
            self._errors.append(f"{self._hostname}: Got request with no source")
        return Response(json.dumps({"Hostname": self._hostname}, separators=(",", ":")).encode() + b"\n")

    async def _status(self) -> Response:
        if not self._has_passed():
            await self._contact_peers()
        return Response(b"pass" if self._has_passed() else b"running")

    def _has_passed(self) -> bool:
        return min(len(self._sent), len(self._received)) >= self._peers

    async def _contact_peers(self) -> None:
        found = await self._ask(("/bin/sh", "-c", _FIND_ENDPOINTS, "sh", *self._service), b"")
        if found is None:
            self._note(f"Unable to read the endpoints for {'/'.join(self._service)}.")
            return
        for url in endpoint_urls(found):
            self._note(f"Attempting to contact {url}")
            message = json.dumps({"Source": self._hostname, "Dest": url}).encode()
            reply = await self._ask((*_POST, f"{url}/write"), message)
            if reply is None:
                self._note(f'Warning: unable to contact the endpoint "{url}"')
            else:
                name = str(reply.get("Hostname", ""))
                self._sent[name] = self._sent.get(name, 0) + 1

    async def _ask(self, argv: tuple[str, ...], stdin: bytes) -> Mapping[str, object] | None:
        try:
            output = await self._surroundings.run(argv, stdin)
            document = json.loads(output.text) if output.code == 0 else None
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) else None

    def _note(self, line: str) -> None:
        self._log = [*self._log, line][-_MOST_LINES:]


def endpoint_urls(endpoints: Mapping[str, object]) -> list[str]:
    """Give the URLs of all ready addresses and ports of an Endpoints object."""
    subsets = endpoints.get("subsets")
    return [
        f"http://{join_host_port(address['ip'], str(port['port']))}"
        for subset in (subsets if isinstance(subsets, list) else ())
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or ()
    ]
