"""What holds for any well-shaped object of any kind."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netemu.api import schema
from netemu.api.defaulting import default
from netemu.api.kinds import KINDS
from netemu.api.patch import strategic_merge_patch, three_way_patch
from netemu.api.validation import invalid, validate

STORED = [kind for kind in KINDS if kind.stored is None]
every_kind = pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.kind)
some_examples = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@every_kind
@some_examples
@given(data=st.data())
def test_completing_is_idempotent_and_never_touches_what_is_given(kind, objects_of, data):
    obj = data.draw(objects_of(kind))
    before = copy.deepcopy(obj)

    once = default(kind, obj)

    assert obj == before
    assert default(kind, once) == once
    assert schema.check(kind, once)[:2] == ((), ())


@every_kind
@some_examples
@given(data=st.data())
def test_checking_names_what_is_wrong_and_never_fails(kind, objects_of, data):
    new, old = (default(kind, data.draw(objects_of(kind))) for _ in range(2))

    causes = validate(kind, new, old)

    assert invalid(kind, "x", causes).causes == causes
    assert all(cause.field and cause.message for cause in causes)


@every_kind
@some_examples
@given(data=st.data())
def test_applying_over_what_was_applied_gives_what_is_wanted(kind, objects_of, data):
    last, wanted = (data.draw(objects_of(kind)) for _ in range(2))

    patched = strategic_merge_patch(kind, last, three_way_patch(kind, last, wanted, last))

    assert patched == wanted


@every_kind
@some_examples
@given(data=st.data())
def test_pruning_keeps_all_of_a_well_shaped_object(kind, objects_of, data):
    obj = data.draw(objects_of(kind))

    assert schema.prune(kind, {**obj, "unheardOf": 1}) == obj
