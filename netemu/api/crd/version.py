"""What one version of a CustomResourceDefinition says about its objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

Json = Mapping[str, Any]


class ScalePaths(Struct, frozen=True, kw_only=True):
    """Where an object keeps what its ``scale`` shows, as field names; ``selector`` may be empty."""

    spec_replicas: tuple[str, ...]
    status_replicas: tuple[str, ...]
    selector: tuple[str, ...] = ()


class CustomVersion(Struct, frozen=True, kw_only=True, eq=False):
    """One version of a CRD.

    ``schema`` is its OpenAPI v3 schema as given. ``columns`` are its additionalPrinterColumns.
    ``selectable`` are the fields, as in ``spec.color``, that field selectors may name.
    ``fills`` tells whether the schema has defaults, which objects from before it lack in the store.
    ``deprecation`` is what users of the version are warned with, empty for none. ``conversion`` is the
    webhook that knows all versions; without one they differ by name only.
    """

    definition: str
    list_kind: str
    schema: Json = field(default_factory=dict)
    columns: tuple[Json, ...] = ()
    scale: ScalePaths | None = None
    selectable: tuple[str, ...] = ()
    fills: bool = False
    deprecation: str = ""
    conversion: Json | None = None
