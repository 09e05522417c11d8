"""References of images in expressions. Pure.

Source: apiserver ``pkg/cel/library/image.go``, go-containerregistry ``pkg/name`` (what it accepts).
"""

from __future__ import annotations

import re
from typing import Any

Value = dict[str, Any]

_IMAGE = "kubernetes.Image"
_DOCKER = "index.docker.io"
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_REPOSITORY = re.compile(r"[a-z0-9_.-]+(?:/[a-z0-9_.-]+)*")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REGISTRY = re.compile(r"[A-Za-z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?")


def image(text: str) -> Value:
    """Read a reference.

    Raises:
        ValueError: it is none.

    """
    name, at, digest = text.partition("@")
    before, colon, tag = name.rpartition(":")
    has_tag = bool(colon) and "/" not in tag
    registry, repository = _place(before if has_tag else name)
    is_wrong = bool(at) and not _DIGEST.fullmatch(digest)
    if not registry or is_wrong or (has_tag and not _TAG.fullmatch(tag)):
        raise ValueError(f"could not parse reference: {text}")
    shown = "" if at else tag if has_tag else "latest"
    return {_IMAGE: {"registry": registry, "repository": repository, "tag": shown, "digest": digest}}


def is_image(text: str) -> bool:
    """Tell whether a text is a reference."""
    try:
        image(text)
    except ValueError:
        return False
    return True


def contains_digest(value: Value) -> bool:
    """Tell whether it names an image by what is in it."""
    return bool(digest(value))


def registry(value: Value) -> str:
    """Give the registry; Docker's own if none is named."""
    return _of(value)["registry"]


def repository(value: Value) -> str:
    """Give what it is called in the registry."""
    return _of(value)["repository"]


def tag(value: Value) -> str:
    """Give the tag; nothing where a digest says it better."""
    return _of(value)["tag"]


def digest(value: Value) -> str:
    """Give the digest, or nothing."""
    return _of(value)["digest"]


def identifier(value: Value) -> str:
    """Give the digest, else the tag."""
    return digest(value) or tag(value)


def _place(name: str) -> tuple[str, str]:
    """Give registry and repository; no registry says that there is no such place."""
    first, slash, rest = name.partition("/")
    is_named = bool(slash) and (any(sign in first for sign in ".:") or first == "localhost")
    where, what = (first, rest) if is_named else (_DOCKER, name)
    if not _REGISTRY.fullmatch(where) or not _REPOSITORY.fullmatch(what) or not 2 <= len(what) <= 255:
        return "", ""
    where = _DOCKER if where == "docker.io" else where
    return where, f"library/{what}" if where == _DOCKER and "/" not in what else what


def _of(value: Value) -> dict[str, str]:
    found = value.get(_IMAGE)
    if not isinstance(found, dict):
        raise TypeError("no such overload")
    return found
