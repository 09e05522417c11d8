"""Label selectors as cells. Pure."""

from __future__ import annotations

from typing import Any

from netemu.apiserver.columns.column import NONE
from netemu.apiserver.subresources import render_selector


def selector_text(selector: dict[str, Any] | None) -> str:
    """Write a label selector; an empty one, like none, is ``<none>``."""
    return render_selector(selector or {}) or NONE
