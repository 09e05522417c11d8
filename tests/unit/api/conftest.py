"""Random objects of every kind, made from the published shapes."""

import pytest
from hypothesis import strategies as st

from netemu.api import schema

MADE = {}
MAX_FIELDS = 4
TEXTS = ("", "a", "http", "*.b", "10.0.0.1", "::1", "None", "Exists", "ClientIP", "NodePort", "RollingUpdate")
BY_FORMAT = {
    "int-or-string": st.sampled_from(["25%", "x", 0, 80]),
    "quantity": st.sampled_from(["1", "100m", 2, "-1Ki"]),
    "date-time": st.just("2024-01-01T00:00:00Z"),
    "byte": st.just("eA=="),
}


@pytest.fixture(scope="session")
def objects_of():
    """Give the strategy that makes objects of a kind: well shaped, otherwise anything."""
    return lambda kind: shaped(schema.shape_of(kind), 0)


def shaped(shape, depth):
    """Make values of a shape; a strategy is made once, which is what takes time."""
    shape = schema.resolve(shape)
    key = (id(shape), depth)
    if key not in MADE:
        MADE[key] = make(shape, depth)
    return MADE[key]


def make(shape, depth):
    if shape is None or shape.type == "":
        return st.just({})
    scalars = {
        "integer": st.integers(-1, 3) | st.just(80),
        "boolean": st.booleans(),
        "number": st.integers(0, 1),
        "string": BY_FORMAT.get(shape.format, st.sampled_from(TEXTS)),
    }
    if shape.type in scalars:
        return scalars[shape.type]
    if shape.type == "array":
        # A list that is a set holds nothing twice; what it would mean there is nobody's business.
        items = st.deferred(lambda: shaped(shape.items, depth + 1))
        return st.lists(items, max_size=2, unique_by=repr)
    if shape.properties:
        return fields(shape, depth)
    return st.dictionaries(st.sampled_from(TEXTS), shaped(shape.additional_properties, depth + 1), max_size=2)


@st.composite
def fields(draw, shape, depth):
    """Make an object with a few of its fields; ``spec`` and what holds pods is never left out."""
    names = sorted(shape.properties)
    wanted = draw(st.sets(st.sampled_from(names), max_size=max(0, MAX_FIELDS - depth // 3)))
    wanted |= {"metadata", "spec", "template", "containers", "ports"} & set(names)
    return {name: draw(shaped(shape.properties[name], depth + 1)) for name in sorted(wanted)}
