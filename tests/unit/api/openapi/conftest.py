"""A custom kind beside the built-in ones."""

from __future__ import annotations

import pytest
from msgspec import structs

from netemu.api.crd.version import CustomVersion
from netemu.api.kinds import CONFIG_MAP, KINDS
from netemu.api.served import ServedKinds

SCHEMA = {
    "type": "object",
    "description": "A Widget turns.",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "port": {
                    "x-kubernetes-int-or-string": True,
                    "anyOf": [{"type": "integer"}, {"type": "string"}],
                },
                "size": {"type": "integer", "minimum": 1, "default": 3, "nullable": True},
                "extra": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "properties": {"known": {"type": "string"}},
                },
            },
        }
    },
}
WIDGET = structs.replace(
    CONFIG_MAP,
    group="example.com",
    version="v1",
    kind="Widget",
    resource="widgets",
    singular="widget",
    subresources=("status", "scale"),
    custom=CustomVersion(definition="widgets.example.com", list_kind="WidgetList", schema=SCHEMA),
)


@pytest.fixture
def kinds():
    served = ServedKinds(KINDS)
    served.define("widgets.example.com", [WIDGET])
    return served
