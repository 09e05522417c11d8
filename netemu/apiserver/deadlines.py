"""How long a client wants to wait for an answer: the ``timeout`` of its query. Pure.

Answers come at once, so a good one changes nothing.

Source: apiserver ``pkg/endpoints/filters/request_deadline.go``, Go's ``time.ParseDuration`` (words).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from netemu.api.errors import BadRequestError
from netemu.apiserver.auth.attributes import Attributes

_UNIT = r"(?:ns|us|µs|μs|ms|s|m|h)"
_DURATION = re.compile(rf"[+-]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+){_UNIT})+)", re.ASCII)
_NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]*)", re.ASCII)

_LONG = frozenset(("exec", "attach", "portforward", "proxy", "log"))


def check_timeout(query: Mapping[str, str], asked: Attributes) -> None:
    """Refuse a request whose ``timeout`` cannot be understood, unless it is one that lasts.

    Raises:
        BadRequestError: it is no duration.

    """
    text = query.get("timeout", "")
    if not text or asked.verb == "watch" or asked.subresource in _LONG or _DURATION.fullmatch(text):
        return
    raise BadRequestError(f"invalid timeout specified in the request URL - {_complaint(text)}")


def _complaint(text: str) -> str:
    """Say what Go says of a text that is no duration."""
    quoted = json.dumps(text, ensure_ascii=False)
    rest = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    while rest:
        number = _NUMBER.match(rest)
        if number is None:
            break
        if not number[2]:
            return f"time: missing unit in duration {quoted}"
        if not re.fullmatch(_UNIT, number[2]):
            unit = json.dumps(number[2], ensure_ascii=False)
            return f"time: unknown unit {unit} in duration {quoted}"
        rest = rest[number.end() :]
    return f"time: invalid duration {quoted}"
