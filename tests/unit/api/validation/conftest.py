"""Objects that break no rule, to break one at a time."""

import copy

import pytest

from netemu.api.defaulting import default
from netemu.api.validation import validate


@pytest.fixture
def broken():
    """Give ``(field, message)`` of every rule that an object breaks, after defaulting."""

    def check(kind, obj, old=None):
        def complete(given):
            metadata = {"name": "web", **({"namespace": "prod"} if kind.namespaced else {})}
            return default(kind, {**given, "metadata": {**metadata, **given.get("metadata", {})}})

        before = copy.deepcopy((obj, old))
        causes = validate(kind, complete(obj), complete(old) if old is not None else None)
        assert (obj, old) == before
        return [(cause.field, cause.message) for cause in causes]

    return check
