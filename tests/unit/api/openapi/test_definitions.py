"""Definitions with their descriptions."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from netemu.api.kinds import KINDS
from netemu.api.openapi import definitions as module
from netemu.api.openapi.definitions import Definitions, sources_digest
from netemu.api.resources import REVIEWS, subresources_of

DIRECTORY = Path(module.__file__).parent
PARTS = [part for kind in KINDS for part in subresources_of(kind) if not part.connects]


@pytest.fixture(scope="module")
def published():
    return Definitions(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_every_kind_and_its_list_are_defined(published, kind):
    name = published.find_name(kind.group, kind.version, kind.kind)
    listed = published.find_name(kind.group, kind.version, f"{kind.kind}List")

    assert published.get_schema(name)["description"]
    assert published.get_schema(listed)["properties"]["items"]["items"] == {"$ref": name}


@pytest.mark.parametrize("spoken", [*PARTS, *REVIEWS], ids=lambda spoken: spoken.kind)
def test_what_is_sent_and_not_kept_is_defined(published, spoken):
    assert published.find_name(spoken.group, spoken.version, spoken.kind)


def test_a_kind_reaches_all_that_it_refers_to(published):
    reached = dict(published.reachable([published.find_name("", "v1", "Pod")]))

    assert "io.k8s.api.core.v1.ContainerPort" in reached
    assert "io.k8s.api.apps.v1.DeploymentSpec" not in reached


def test_a_custom_kind_has_standard_fields_beside_its_own(kinds):
    defined = Definitions(kinds.all)

    widget = defined.get_schema(defined.find_name("example.com", "v1", "Widget"))
    listed = defined.get_schema(defined.find_name("example.com", "v1", "WidgetList"))

    assert sorted(widget["properties"]) == ["apiVersion", "kind", "metadata", "spec"]
    assert widget["x-kubernetes-group-version-kind"][0]["kind"] == "Widget"
    assert listed["properties"]["items"]["items"] == {"$ref": "com.example.v1.Widget"}


def test_an_unknown_kind_has_no_name(published):
    assert published.find_name("", "v1", "Fish") == ""


def test_the_digest_is_that_of_the_files():
    assert len(sources_digest()) == 32


def test_the_committed_file_says_where_it_comes_from_and_is_small():
    packed = (DIRECTORY / "definitions.json.gz").read_bytes()

    assert "kubernetes-validate==1.37.0" in json.loads(gzip.decompress(packed))["source"]
    assert len(packed) < 500_000
