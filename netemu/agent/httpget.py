"""[IO] The HTTP requests of probes and hooks, sent from a node.

Source: kubernetes ``pkg/probe/http`` (headers, redirects within a host, what is a failure).
"""

from __future__ import annotations

import asyncio
import ssl
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from netemu.agent.dialing import DialError, any_certificate, connected, where, words
from netemu.api.views.core import HttpGetAction
from netemu.errors import NetemuError

USER_AGENT = "kube-probe/1.37"
MAX_REDIRECTS = 10
BODY_BYTES = 10 * 1024


class HttpError(NetemuError):
    """No answer came, in the words of Go's client."""

    code = "AGENT_HTTP"


class Answer(NamedTuple):
    """The head of an answer, with the body only of one that leads elsewhere."""

    code: int
    location: str = ""
    body: str = ""


async def get(node_netns: str, action: HttpGetAction, host: str, port: int) -> Answer:
    """Send a request; a redirect to the same host is followed, up to ten times.

    Raises:
        HttpError: no answer came.

    """
    url = f"{action.scheme.lower()}://{where(host, port)}/{(action.path or '/').removeprefix('/')}"
    for _ in range(MAX_REDIRECTS):
        try:
            answer = await _ask(node_netns, url, action)
        except DialError as err:
            raise HttpError(f'Get "{url}": {err.message}') from err
        except ssl.SSLError as err:
            why = "http: server gave HTTP response to HTTPS client" if _is_plain(err) else str(err.reason)
            raise HttpError(f'Get "{url}": {why}') from err
        except (OSError, ValueError, asyncio.IncompleteReadError) as err:
            why = words(err) if isinstance(err, OSError) else "EOF"
            raise HttpError(f'Get "{url}": {why}') from err
        target = urljoin(url, answer.location)
        if not answer.location or urlsplit(target).hostname != urlsplit(url).hostname:
            return answer
        url = target
    raise HttpError(f'Get "{url}": stopped after {MAX_REDIRECTS} redirects')


def request_head(url: str, action: HttpGetAction) -> bytes:
    """Give the bytes of a request; an empty ``Accept`` leaves that header out."""
    parts = urlsplit(url)
    own = {header["name"].lower() for header in action.http_headers}
    lines = [f"GET {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1"]
    defaults = {"Host": parts.netloc, "User-Agent": USER_AGENT, "Accept": "*/*"}
    lines += [f"{name}: {value}" for name, value in defaults.items() if name.lower() not in own]
    lines += [
        f"{header['name']}: {header.get('value', '')}"
        for header in action.http_headers
        if header["name"].lower() != "accept" or header.get("value")
    ]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


async def _ask(node_netns: str, url: str, action: HttpGetAction) -> Answer:
    parts = urlsplit(url)
    is_secure = parts.scheme == "https"
    port = parts.port or (443 if is_secure else 80)
    tls = any_certificate() if is_secure else None
    async with connected(node_netns, parts.hostname or "", port, tls) as (reader, writer):
        writer.write(request_head(url, action))
        status = (await reader.readline()).split()
        code = int(status[1]) if len(status) > 1 else 0
        if not code:
            raise ValueError("no answer")
        headers = await _headers(reader)
        if not 300 <= code < 400:
            return Answer(code)
        length = min(int(headers.get("content-length", "0")), BODY_BYTES)
        body = (await reader.readexactly(length)).decode(errors="replace")
        return Answer(code, headers.get("location", "") if code != 304 else "", body)


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers = {}
    while line := (await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return headers


def _is_plain(err: ssl.SSLError) -> bool:
    return "WRONG_VERSION_NUMBER" in (err.reason or "") or "RECORD_LAYER" in (err.reason or "")
