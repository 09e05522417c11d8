"""Defaults of fields whose zero value says nothing."""

from __future__ import annotations

from typing import Any


def fill_zero(values: dict[str, Any], key: str, default: Any) -> Any:
    """Set a field that is absent, empty or 0, and give what it is then.

    Kubernetes decodes into Go's types, where a field that is no pointer cannot tell "" or 0 from absent:
    ``type: ""`` of a Service is a ClusterIP, and ``periodSeconds: 0`` of a probe is 10.
    """
    if not values.get(key):
        values[key] = default
    return values[key]
