"""Which of the forms that a document has its client wants (``Accept``). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from netemu.api.errors import NotAcceptableError

JSON = "application/json"


class MediaType(NamedTuple):
    """A media type with its parameters."""

    name: str
    parameters: Mapping[str, str]


def parse_accept(header: str) -> list[MediaType]:
    """Read what a client takes, what it likes best first; an empty header takes everything."""
    clauses = [_parse_clause(clause) for clause in (header or "*/*").split(",")]
    return sorted((c for c in clauses if _quality(c) > 0), key=_quality, reverse=True)


def choose(header: str, offered: Sequence[MediaType]) -> MediaType:
    """Choose the offer that the client likes best; of equal ones the first.

    Raises:
        NotAcceptableError: it takes none of them.

    """
    for wanted in parse_accept(header):
        for offer in offered:
            if _matches(wanted, offer):
                return offer
    names = ", ".join(render(offer) for offer in offered)
    raise NotAcceptableError(f"only the following media types are accepted: {names}")


def render(media_type: MediaType) -> str:
    """Write a media type as a header has it."""
    return ";".join([media_type.name, *(f"{key}={value}" for key, value in media_type.parameters.items())])


def _matches(wanted: MediaType, offer: MediaType) -> bool:
    family = offer.name.partition("/")[0]
    if wanted.name not in (offer.name, f"{family}/*", "*/*"):
        return False
    return all(wanted.parameters.get(key, "") == offer.parameters.get(key, "") for key in ("as", "g", "v"))


def _quality(media_type: MediaType) -> float:
    try:
        return float(media_type.parameters.get("q", "1"))
    except ValueError:
        return 1.0


def _parse_clause(clause: str) -> MediaType:
    name, *parameters = (part.strip() for part in clause.split(";"))
    return MediaType(name, dict(_pairs(parameters)))


def _pairs(parameters: Sequence[str]) -> Iterator[tuple[str, str]]:
    for parameter in parameters:
        key, found, value = parameter.partition("=")
        if found:
            yield key.strip(), value.strip().strip('"')
