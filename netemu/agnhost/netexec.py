"""``agnhost netexec``: the server that most Kubernetes network tests talk to."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from urllib.parse import quote, unquote, urljoin, urlsplit

from netemu.agnhost import upload
from netemu.agnhost.dialing import Dialing
from netemu.agnhost.flags import parse_flags, parse_number_flag, parse_port_flag
from netemu.agnhost.golang import join_host_port, parse_duration, quoted, render_duration, render_time
from netemu.agnhost.model import (
    Address,
    AppError,
    Datagrams,
    Http,
    HttpAnswer,
    Listener,
    Messages,
    Request,
    Response,
    Setting,
    Surroundings,
    Tls,
)

FLAGS = {
    "http-port": "8080",
    "tls-cert-file": "",
    "tls-private-key-file": "",
    "udp-port": "8081",
    "sctp-port": "-1",
    "http-override": "",
    "udp-listen-addresses": "",
    "delay-shutdown": "0",
}
_NO_LISTENER = "Error occurred: failed to create listener for {} address {}:"


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve HTTP, UDP and SCTP on the ports of the flags."""
    flags = parse_flags(setting.args, FLAGS)
    http, udp, sctp = (parse_port_flag(name, flags[name]) for name in ("http-port", "udp-port", "sctp-port"))
    parse_number_flag("delay-shutdown", flags["delay-shutdown"])
    server = NetExec(setting.hostname, surroundings)
    answer = server.overridden(flags["http-override"]) if flags["http-override"] else server.answer
    listeners = [_http(http, answer, flags)]
    if udp != -1:
        listeners += (
            Listener(
                udp,
                Datagrams(server.answer_datagram),
                "UDP",
                host=host,
                complaint=_NO_LISTENER.format("UDP", join_host_port(host, str(udp))),
            )
            for host in _addresses(flags["udp-listen-addresses"])
        )
    if sctp != -1:
        complaint = _NO_LISTENER.format("SCTP", f":{sctp}")
        listeners.append(Listener(sctp, Messages(server.answer_datagram), "SCTP", complaint=complaint))
    server.is_ready = len(listeners) > 1
    return tuple(listeners)


class NetExec:
    """Answers of one netexec; it is ready when it serves UDP or SCTP, as the original is."""

    def __init__(self, hostname: str, surroundings: Surroundings) -> None:
        self.is_ready = True
        self._hostname = hostname
        self._surroundings = surroundings
        self._dialing = Dialing(surroundings)
        self._paths: dict[str, Callable[[Request], Response | Awaitable[Response]]] = {
            "/clientip": self._clientip,
            "/header": self._header,
            "/dial": self._dialing.answer,
            "/echo": self._echo,
            "/exit": self._exit,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/hostname": self._say_hostname,
            "/hostName": self._say_hostname,
            "/shutdown": self._shutdown,
            "/shell": self._shell,
            "/upload": self._upload,
            "/redirect": self._redirect,
        }

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Answer a request by its path; any other path tells the time."""
        if "//" in request.path:  # Go's ServeMux leads to the path that was meant
            meant = "/" + "/".join(part for part in request.target.split("/") if part)
            return redirect(request, meant, 301)
        return self._paths.get(request.path, self._now)(request)

    def overridden(self, target: str) -> HttpAnswer:
        """Give what answers every request as if it asked for ``target``."""
        return lambda request: self.answer(Request("GET", target, client=request.client))

    def answer_datagram(self, data: bytes, client: Address) -> bytes | None:
        """Answer ``hostname``, ``clientip`` and ``echo TEXT``; ignore the rest."""
        text = data.decode(errors="replace").strip().lower()
        if text == "hostname":
            self._log("Sending udp hostName response")
            return self._hostname.encode()
        if text == "clientip":
            self._log(f"Sending clientip back to UDP client {client}")
            return str(client).encode()
        if text.startswith("echo "):
            self._log(f"Echoing {text[5:]} to UDP client {client}")
            return text[5:].encode()
        if text:
            self._log(f"Unknown UDP command received from {client}: {text}")
        return None

    def _clientip(self, request: Request) -> Response:
        self._log("GET /clientip")
        return Response(str(request.client).encode())

    def _say_hostname(self, request: Request) -> Response:
        self._log(f"GET {request.path}")
        return Response(self._hostname.encode())

    def _header(self, request: Request) -> Response:
        headers = request.grouped_headers()
        if key := request.form.get("key", ""):
            self._log(f"GET /header?key={key}")
            return Response(request.header(key.lower()).encode() if key.lower() != "host" else b"")
        self._log("GET /header")
        return Response(_json(dict(sorted(headers.items()))))

    def _healthz(self, _request: Request) -> Response:
        self._log("GET /healthz")
        return Response(status=200 if self.is_ready else 412)

    def _readyz(self, _request: Request) -> Response:
        self._log("GET /readyz")
        if self._surroundings.is_ending:
            return Response(b"shutting down", 503)
        return Response(b"ok") if self.is_ready else Response(status=412)

    def _echo(self, request: Request) -> Response:
        text, code = request.form.get("msg", ""), request.form.get("code", "")
        self._log(f"GET /echo?msg={text}&code={code}")
        if (status := _status(code, 200)) is None:
            return Response(f"argument 'code' must be an integer or empty, got {quoted(code)}\n".encode())
        return Response(text.encode(), status)

    def _redirect(self, request: Request) -> Response:
        location, code = request.form.get("location", ""), request.form.get("code", "")
        self._log(f"{request.method} /redirect?msg={location}&code={code}")
        if (status := _status(code, 302)) is None:
            return Response(f"argument 'code' must be an integer or empty, got {quoted(code)}\n".encode())
        return redirect(request, location, status)

    async def _exit(self, request: Request) -> Response:
        words = {key: request.form.get(key, "") for key in ("code", "timeout", "wait")}
        self._log("GET /exit?code={code}&timeout={timeout}&wait={wait}".format_map(words))
        seconds = {}
        for key in ("timeout", "wait"):
            try:
                seconds[key] = parse_duration(words[key] or "0")
            except ValueError:
                must = f"argument '{key}' must be a valid golang duration or empty"
                return Response(f"{must}, got {quoted(words[key])}\n".encode())
        if not _is_number(words["code"] or "0"):
            must = "argument 'code' must be an integer [0-127] or empty"
            return Response(f"{must}, got {quoted(words['code'])}\n".encode())
        code, wait_s, timeout_s = int(words["code"] or "0"), seconds["wait"], seconds["timeout"]
        self._log(
            f"Will begin shutdown in {render_duration(wait_s)}, allowing {render_duration(timeout_s)} "
            f"for connections to close, then will exit with {code}"
        )
        await asyncio.sleep(max(0.0, wait_s))
        self._surroundings.exit(code % 256)
        return Response(close=True, abort=timeout_s == 0)

    def _shutdown(self, _request: Request) -> Response:
        self._log("GET /shutdown")
        self._surroundings.exit(0)
        return Response(abort=True)

    async def _shell(self, request: Request) -> Response:
        command = request.form.get("shellCommand") or request.form.get("cmd", "")
        self._log(f"GET /shell?cmd={command}")
        found: dict[str, str] = {}
        try:
            output = await self._surroundings.run(("/bin/sh", "-c", command))
        except OSError as err:
            found["error"] = str(err)
        else:
            if output.text:
                found["output"] = output.text.decode(errors="replace")
            if output.code:
                found["error"] = f"exit status {output.code}"
        self._log(f"Output: {_go_map(found)}")
        return Response(_json(found))

    async def _upload(self, request: Request) -> Response:
        self._log("GET /upload")
        data = upload.find_file(request, "file")
        if data is None:
            self._log("Unable to upload file: http: no such file")
            return Response(_json({"error": "Unable to upload file."}))
        try:
            output = await self._surroundings.run(upload.STORE, data)
        except OSError:
            return Response(_json({"error": "Unable to open file for write"}))
        if output.code:
            return Response(_json({"error": "Unable to write file."}))
        self._log(f"Wrote upload to {output.text.decode()}")
        return Response(_json({"output": output.text.decode()}), 201)

    def _now(self, _request: Request) -> Response:
        self._log("GET /")
        return Response(f"NOW: {render_time(time.time_ns())}".encode())

    def _log(self, line: str) -> None:
        self._surroundings.log(line)


def redirect(request: Request, location: str, status: int) -> Response:
    """Lead elsewhere as Go's ``http.Redirect`` does: from here, with a link for people."""
    if not location.startswith("/") and not urlsplit(location).scheme:
        location = urljoin(request.path, location) or "/"
    location = quote(unquote(location), safe="/:?#[]@!$&'()*+,;=%-._~")
    body = b""
    if request.method in {"GET", "HEAD"}:
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
        body = f'<a href="{location}">{phrase}</a>.\n\n'.encode()
    return Response(body, status, "text/html; charset=utf-8", (("Location", location),))


def _http(number: int, answer: HttpAnswer, flags: Mapping[str, str]) -> Listener:
    if flags["tls-cert-file"]:
        return Listener(number, Tls(answer, flags["tls-cert-file"], flags["tls-private-key-file"]))
    return Listener(number, Http(answer, access_log=False))


def _addresses(text: str) -> tuple[str, ...]:
    """Read ``--udp-listen-addresses``; nothing is every address."""
    from ipaddress import ip_address

    found = tuple(sorted(set(text.split(","))))
    for each in found if text else ():
        try:
            ip_address(each)
        except ValueError:
            raise AppError(f"parseAddress: invalid address {each}") from None
    return found


def _status(text: str, default: int) -> int | None:
    """Read a status; None if it is none that can be sent."""
    if not text:
        return default
    return int(text) if _is_number(text) and 200 <= int(text) <= 999 else None


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def _go_map(pairs: Mapping[str, str]) -> str:
    return "map[" + " ".join(f"{key}:{value}" for key, value in sorted(pairs.items())) + "]"


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
