"""Which part of a log a client asks for (core/v1 PodLogOptions). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from netemu.api.errors import BadRequestError, Cause, InvalidError
from netemu.apiserver.bodies import parse_bool
from netemu.apiserver.podaccess import LogOptions
from netemu.clock import parse_rfc3339

_STREAMS: Mapping[str, Literal["stdout", "stderr", ""]] = {
    "": "",
    "All": "",
    "Stdout": "stdout",
    "Stderr": "stderr",
}


def parse_log_options(query: Mapping[str, str], pod: str) -> LogOptions:
    """Read and check the query of a log.

    Raises:
        BadRequestError: a value cannot be read.
        InvalidError: a value cannot be meant.

    """
    tail_lines, since_s, limit_bytes = (
        _number(query, name) for name in ("tailLines", "sinceSeconds", "limitBytes")
    )
    since_time_s = _moment(query, "sinceTime")
    stream = query.get("stream", "")
    causes = [
        *_at_least(0, "tailLines", tail_lines, "must be greater than or equal to 0"),
        *_at_least(1, "limitBytes", limit_bytes, "must be greater than 0"),
        *_at_least(1, "sinceSeconds", since_s, "must be greater than 0"),
    ]
    if since_s is not None and since_time_s is not None:
        why = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        causes.append(Cause(field="", message=why, reason="FieldValueForbidden"))
    if stream not in _STREAMS:
        why = f'Unsupported value: "{stream}": supported values: "All", "Stderr", "Stdout"'
        causes.append(Cause(field="stream", message=why, reason="FieldValueNotSupported"))
    elif _STREAMS[stream] and tail_lines is not None:
        why = "Forbidden: `tailLines` and specific `stream` are mutually exclusive for now"
        causes.append(Cause(field="", message=why, reason="FieldValueForbidden"))
    if causes:
        raise _invalid(pod, causes)
    return LogOptions(
        follow=parse_bool(query, "follow"),
        previous=parse_bool(query, "previous"),
        timestamps=parse_bool(query, "timestamps"),
        tail_lines=tail_lines,
        since_s=since_s,
        since_time_s=since_time_s,
        limit_bytes=limit_bytes,
        stream=_STREAMS[stream],
    )


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise BadRequestError(f'strconv.ParseInt: parsing "{text}": invalid syntax', hint=f"It is {name}.")
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return parse_rfc3339(text)
    except (ValueError, OverflowError, OSError) as err:
        raise BadRequestError(f'{name}: Invalid value: "{text}": must be RFC 3339') from err


def _at_least(least: int, field: str, value: int | None, why: str) -> list[Cause]:
    if value is None or value >= least:
        return []
    return [Cause(field=field, message=f"Invalid value: {value}: {why}")]


def _invalid(pod: str, causes: list[Cause]) -> InvalidError:
    words = [f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes]
    listed = words[0] if len(words) == 1 else f"[{', '.join(words)}]"
    return InvalidError(
        f'PodLogOptions "{pod}" is invalid: {listed}', kind="PodLogOptions", name=pod, causes=tuple(causes)
    )
