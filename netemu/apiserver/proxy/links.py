"""Links of pages that come through the proxy: absolute paths get its prefix. Pure.

Source: apimachinery ``pkg/util/proxy/transport.go`` (which attributes, and which URLs are left alone).
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

_ATTRIBUTES = {
    "a": "href",
    "applet": "codebase",
    "area": "href",
    "audio": "src",
    "base": "href",
    "blockquote": "cite",
    "body": "background",
    "button": "formaction",
    "command": "icon",
    "del": "cite",
    "embed": "src",
    "form": "action",
    "frame": "longdesc src",
    "head": "profile",
    "html": "manifest",
    "iframe": "longdesc src",
    "img": "longdesc src usemap",
    "input": "src usemap formaction",
    "ins": "cite",
    "link": "href",
    "object": "classid codebase data usemap",
    "q": "cite",
    "script": "src",
    "source": "src",
    "video": "poster src",
}
_TAG = re.compile(rb"""<([a-zA-Z][a-zA-Z0-9]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>""")
_ATTRIBUTE = re.compile(rb"""([a-zA-Z-]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""")
_RAW = {b"script": re.compile(rb"</script", re.IGNORECASE), b"style": re.compile(rb"</style", re.IGNORECASE)}
_COMMENT, _COMMENT_END = b"<!--", re.compile(rb"-->")
_MAX_HELD_BYTES = 64 * 1024
_LONGEST_END = 8


class Rewriting(NamedTuple):
    """What links become: absolute paths get ``prefix``. ``backend`` and ``own`` are the hosts
    that mean the page's own server: as it knows itself, and as the client knows it.
    """

    prefix: str
    backend: str
    own: str

    def rewrite(self, url: str) -> str:
        """Give a link as the client must follow it; relative and foreign ones stay."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return url
        if parts.netloc not in ("", self.backend, self.own) or not parts.path.startswith("/"):
            return url
        path = parts.path
        if path != self.prefix and not path.startswith(f"{self.prefix}/"):
            path = self.prefix + path
        server = parts[:2] if parts.netloc == self.own else ("", "")
        return urlunsplit((*server, path, parts.query, parts.fragment))


class LinkRewriter:
    """Rewrites the links of a page that comes in pieces of any size."""

    def __init__(self, rewriting: Rewriting) -> None:
        self._rewriting = rewriting
        self._held = b""
        self._until: re.Pattern[bytes] | None = None
        """Where the text ends that holds no tags: a script, a style, a comment."""

    def feed(self, data: bytes) -> bytes:
        """Take a piece; give what is certain."""
        self._held += data
        done = []
        while (piece := self._next()) is not None:
            done.append(piece)
        if len(self._held) > _MAX_HELD_BYTES:
            done.append(self._held)
            self._held = b""
        return b"".join(done)

    def end(self) -> bytes:
        """Give what was held back."""
        held, self._held = self._held, b""
        return held

    def _next(self) -> bytes | None:
        if self._until is not None:
            return self._skip(self._until)
        at = self._held.find(b"<")
        if at != 0:
            return self._take(at if at > 0 else len(self._held))
        if self._held.startswith(_COMMENT):
            self._until = _COMMENT_END
            return self._take(len(_COMMENT))
        if len(self._held) < len(_COMMENT) and _COMMENT.startswith(self._held):
            return None
        tag = _TAG.match(self._held)
        if tag is None:
            return None if _may_become_tag(self._held) else self._take(1)
        self._until = _RAW.get(tag[1].lower())
        self._held = self._held[tag.end() :]
        return b"<" + tag[1] + self._attributes(tag[1].decode().lower(), tag[2]) + b">"

    def _skip(self, until: re.Pattern[bytes]) -> bytes | None:
        found = until.search(self._held)
        if found is None:
            return self._take(len(self._held) - _LONGEST_END) if len(self._held) > _LONGEST_END else None
        self._until = None
        return self._take(found.end())

    def _take(self, size: int) -> bytes | None:
        piece, self._held = self._held[:size], self._held[size:]
        return piece or None

    def _attributes(self, tag: str, text: bytes) -> bytes:
        names = _ATTRIBUTES.get(tag, "").split()
        return _ATTRIBUTE.sub(lambda found: self._attribute(found, names), text) if names else text

    def _attribute(self, found: re.Match[bytes], names: list[str]) -> bytes:
        if found[1].decode().lower() not in names:
            return found[0]
        quote = found[3][:1] if found[3][:1] in (b'"', b"'") else b""
        value = found[3].strip(quote) if quote else found[3]
        url = unescape(value.decode("utf-8", "surrogateescape"))
        new = self._rewriting.rewrite(url)
        if new == url:
            return found[0]
        return found[1] + found[2] + b'"' + escape(new).encode("utf-8", "surrogateescape") + b'"'


def _may_become_tag(held: bytes) -> bool:
    """Tell whether more bytes could complete a tag at the beginning of these."""
    return len(held) < 2 or (held[1:2].isalpha() and held.find(b"<", 1) < 0)
