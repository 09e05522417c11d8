"""``agnhost test-webserver``: the files of its container over HTTP, as Go's ``http.FileServer``."""

from __future__ import annotations

import os
import stat
from collections.abc import Awaitable
from urllib.parse import quote, unquote

from netemu.agnhost.flags import parse_flags, parse_port_flag
from netemu.agnhost.model import Http, Listener, Output, Request, Response, Setting, Surroundings

FLAGS = {"port": "80"}

_HEADERS = (
    ("Cache-Control", "private"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        "DNT,X-Mx-ReqToken,Keep-Alive,User-Agent,X-Requested-With,Cache-Control,Content-Type",
    ),
)
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".htm": _HTML,
    ".html": _HTML,
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".xml": "text/xml; charset=utf-8",
}
_BINARY = "application/octet-stream"
_SNIFFED_BYTES = 512


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve on ``--port`` what ``surroundings`` find."""
    flags = parse_flags(setting.args, FLAGS)
    number = parse_port_flag("port", flags["port"])
    del surroundings
    return (Listener(number, Http(answer, access_log=False)),)


def build_elsewhere(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve the files of a container that this process is not in; its root directory is known."""
    flags = parse_flags(setting.args, FLAGS)

    def answered(request: Request) -> Response | Awaitable[Response]:
        return _with_headers(listing(_ROOT)) if request.path == "/" else ask(request)

    async def ask(request: Request) -> Response:
        try:
            return decode(await surroundings.run(("/agnhost", "file-of-webserver", request.path)))
        except OSError as err:
            return _with_headers(Response(f"{err}\n".encode(), 500))

    return (Listener(parse_port_flag("port", flags["port"]), Http(answered, access_log=False)),)


def answer(request: Request) -> Response:
    """Answer with a file of this process's own file system."""
    return _with_headers(find(request.path))


def find(path: str) -> Response:
    """Find a file, or what a directory has."""
    name = os.path.normpath("/" + unquote(path).lstrip("/"))
    if path.endswith("/index.html"):
        return Response(b"", 301, headers=(("Location", "./"),))
    try:
        if stat.S_ISDIR(os.stat(name).st_mode):
            return _directory(path, name)
        with open(name, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return Response(b"404 page not found\n", 404, headers=_NO_SNIFF)
    except PermissionError:
        return Response(b"403 Forbidden\n", 403, headers=_NO_SNIFF)
    except OSError:
        return Response(b"500 Internal Server Error\n", 500, headers=_NO_SNIFF)
    return Response(data, content_type=_type_of(name, data))


def listing(names: list[str]) -> Response:
    """Show a directory's entries as links; directories' names end with a slash."""
    links = "".join(f'<a href="{quote(name)}">{_escaped(name)}</a>\n' for name in names)
    page = f'<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n{links}</pre>\n'
    return Response(page.encode(), content_type=_HTML)


def encode(response: Response) -> bytes:
    """Write a response for ``decode``: one line of facts, and the body."""
    location = next((value for name, value in response.headers if name == "Location"), "")
    return f"{response.status} {location}\t{response.content_type}\n".encode() + response.body


def decode(output: Output) -> Response:
    """Read what ``agnhost file-of-webserver`` wrote."""
    head, _, body = output.text.partition(b"\n")
    if output.code or not head[:3].isdigit():
        return _with_headers(Response(b"500 Internal Server Error\n", 500))
    status, _, rest = head.decode().partition(" ")
    location, _, content_type = rest.partition("\t")
    headers = (("Location", location),) if location else ()
    return _with_headers(Response(body, int(status), content_type, headers))


_NO_SNIFF = (("X-Content-Type-Options", "nosniff"),)
_ROOT = [
    *("agnhost", "agnhost-2", "bin", "coredns", "dev/", "etc/", "home/", "lib", "lib64", "localhost.crt"),
    *(
        "localhost.key",
        "mnt/",
        "opt/",
        "proc/",
        "root/",
        "run/",
        "sbin",
        "srv/",
        "sys/",
        "tmp/",
        "usr/",
        "var/",
    ),
]


def _escaped(text: str) -> str:
    """Write text into HTML; ``html.escape`` would bring a table of all entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")


def _directory(path: str, name: str) -> Response:
    if not path.endswith("/"):
        return Response(b"", 301, headers=(("Location", quote(os.path.basename(name)) + "/"),))
    index = os.path.join(name, "index.html")
    if os.path.isfile(index):
        with open(index, "rb") as file:
            return Response(file.read(), content_type=_HTML)
    entries = sorted(os.scandir(name), key=lambda entry: entry.name)
    return listing([entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "") for entry in entries])


def _with_headers(response: Response) -> Response:
    return response._replace(headers=(*_HEADERS, *response.headers))


def _type_of(name: str, data: bytes) -> str:
    known = _TYPES.get(os.path.splitext(name)[1].lower())
    if known is not None:
        return known
    start = data[:_SNIFFED_BYTES]
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html", b"<head", b"<script", b"<body")):
        return _HTML
    return _BINARY if any(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in start) else _TEXT
