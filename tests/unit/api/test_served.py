"""Kinds come and go."""

from __future__ import annotations

from netemu.api.crd.definition import kinds_of, version_rank
from netemu.api.crd.names import named
from netemu.api.kinds import POD
from netemu.api.served import ServedKinds
from netemu.testing.builders import custom_resource_definition


def version(name: str, *, storage: bool = False):
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": {"type": "object"}},
    }


def balls():
    crd = custom_resource_definition(
        "Ball", version("v1alpha1"), version("v1", storage=True), version("v1beta1")
    )
    return kinds_of(named(crd, (), 0.0))


def test_the_built_in_kinds_are_always_there():
    kinds = ServedKinds()

    assert kinds.find("", "v1", "pods") is POD
    assert kinds.find_kind("", "v1", "Pod") is POD
    assert kinds.versions("apps") == ("v1",)


def test_defined_kinds_are_found_until_they_are_forgotten():
    kinds = ServedKinds()
    kinds.define("balls.toys.example", balls())
    before = kinds.generation

    assert kinds.versions("toys.example") == ("v1", "v1beta1", "v1alpha1")
    assert kinds.find("toys.example", "v1", "balls") is kinds.find_kind("toys.example", "v1", "Ball")
    kinds.forget("balls.toys.example")

    assert kinds.versions("toys.example") == ()
    assert kinds.generation > before


def test_versions_share_what_is_stored():
    preferred, beta, alpha = balls()

    assert (preferred.stored, beta.stored, alpha.stored) == (None, preferred, preferred)
    kinds = ServedKinds(())
    kinds.define("balls.toys.example", (preferred, beta, alpha))
    assert list(kinds.stored()) == [preferred]


def test_stable_versions_come_first():
    names = ["v1alpha1", "v2beta2", "foo", "v10", "v2", "v2beta10", "v11alpha2"]

    assert sorted(names, key=version_rank, reverse=True) == [
        "v10",
        "v2",
        "v2beta10",
        "v2beta2",
        "v11alpha2",
        "v1alpha1",
        "foo",
    ]
