"""Server-side apply: who set which field, and what a new wish of one of them makes of an object. Pure.

Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/ and the library behind it,
structured-merge-diff. Nothing here changes what it is given.
"""

from __future__ import annotations

from netemu.api.apply.applied import Applied, apply
from netemu.api.apply.managers import Writer, created_fields, updated_fields

__all__ = ["Applied", "Writer", "apply", "created_fields", "updated_fields"]
