"""Change parts of an object: JSON Patch, JSON merge patch, strategic merge patch, three-way apply.

All are pure: they give new objects and never touch what they are given (the result may share
unchanged parts with it).
"""

from __future__ import annotations

from netemu.api.patch.apply import three_way_patch
from netemu.api.patch.merge import merge_patch
from netemu.api.patch.operations import REJECTED, json_patch
from netemu.api.patch.strategic import strategic_merge_patch

__all__ = ["REJECTED", "json_patch", "merge_patch", "strategic_merge_patch", "three_way_patch"]
