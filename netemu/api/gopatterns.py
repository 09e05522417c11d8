"""Patterns in the syntax of Go (RE2), for Python's. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

_DIFFERENT = (
    (r"\z", r"\Z"),
    ("[[:alnum:]]", "[0-9A-Za-z]"),
    ("[[:alpha:]]", "[A-Za-z]"),
    ("[[:digit:]]", "[0-9]"),
)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern.

    Raises:
        re.error: it is none, or one that Python cannot read.

    """
    for go, python in _DIFFERENT:
        pattern = pattern.replace(go, python)
    # Go's $ is the very end; Python's also allows a line's end before it.
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))
