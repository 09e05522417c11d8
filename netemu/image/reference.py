"""The names of images, completed as containerd and Docker complete them. Pure.

``nginx`` means ``docker.io/library/nginx:latest``. Source: the grammar and the familiar names of
https://github.com/distribution/reference.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from netemu.image.errors import InvalidReferenceError

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"

_LEGACY_DOMAIN = "index.docker.io"
_OFFICIAL = "library"
_MOST_CHARACTERS = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-f]{32,128}")


class Reference(Struct, frozen=True, kw_only=True):
    """A complete name: ``domain/path`` with a tag or a digest (then the tag means nothing)."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """The name without tag and digest."""
        return f"{self.domain}/{self.path}"

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"


@lru_cache(maxsize=4096)
def parse_reference(text: str) -> Reference:
    """Read an image's name as users write it.

    Raises:
        InvalidReferenceError: it is none.

    """
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise _invalid(text, f"{digest!r} is no digest, such as sha256:<64 hex digits>")
    name, tag = _split_tag(rest)
    if tag and not _TAG.fullmatch(tag):
        raise _invalid(text, f"{tag!r} is no tag")
    domain, path = _split_domain(name)
    if not _DOMAIN.fullmatch(domain):
        raise _invalid(text, f"{domain!r} is no registry")
    if not _PATH.fullmatch(path) or len(path) > _MOST_CHARACTERS:
        raise _invalid(text, "repository names are lower-case words, separated by /")
    return Reference(domain=domain, path=path, tag="" if digest else tag or DEFAULT_TAG, digest=digest)


def is_digest(text: str) -> bool:
    """Tell whether a text is a digest, and thus safe as a file's name."""
    return _DIGEST.fullmatch(text) is not None


def _split_tag(text: str) -> tuple[str, str]:
    head, slash, last = text.rpartition("/")
    name, colon, tag = last.partition(":")
    if colon and not tag:
        raise _invalid(text, "the tag is empty")
    return head + slash + name, tag


def _split_domain(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first.lower() != first):
        first, rest = DEFAULT_DOMAIN, name
    if first in {DEFAULT_DOMAIN, _LEGACY_DOMAIN}:
        return DEFAULT_DOMAIN, rest if "/" in rest else f"{_OFFICIAL}/{rest}"
    return first, rest


def _invalid(text: str, why: str) -> InvalidReferenceError:
    return InvalidReferenceError(f"invalid image name {text!r}: {why}")
