"""A container's requests and limits, as the downward API tells them. Pure.

Source: core/v1 ResourceFieldSelector.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from netemu.api import quantity

_MACHINE = {
    "cpu": str(os.cpu_count() or 1),
    "memory": str(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
}

Raw = Mapping[str, Any]


def container_resource(container: Raw, reference: Raw) -> str:
    """Give a request or limit of a container; one without a limit may use what its node has."""
    group, _, resource = reference.get("resource", "").partition(".")
    resources = container.get("resources") or {}
    value = (resources.get(group) or {}).get(resource)
    if value is None:
        value = _MACHINE.get(resource, "0") if group == "limits" else "0"
    divisor = str(reference.get("divisor") or "0")
    whole = quantity.parse("1" if divisor == "0" else divisor)
    return str(math.ceil(quantity.parse(value) / whole))
