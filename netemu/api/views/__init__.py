"""Typed, immutable views of API objects: what netemu reads of them, never all they hold.

``view(Service, obj)`` reads one. Unset optional fields stay ``None``; defaults of the API are
filled in once, by ``netemu.api.defaulting``, and never by readers.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def view(kind: type[T], obj: Any) -> T:
    """Read ``obj`` (JSON as dict) as a typed view; unknown fields are left alone.

    Raises:
        msgspec.ValidationError: a field has another type than its kind says; the path is in the message.

    """
    return msgspec.convert(obj, kind)
