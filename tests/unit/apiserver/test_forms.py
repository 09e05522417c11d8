"""In which form a client gets objects."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netemu.api.errors import NotAcceptableError
from netemu.api.kinds import POD
from netemu.apiserver.forms import WHOLE, Form, parse_form, parse_whole_form, render_list, render_object
from netemu.apiserver.paging import Page
from netemu.naming import Revision
from netemu.testing import builders

PROTOBUF = "application/vnd.kubernetes.protobuf"
PARTIAL = "as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/vnd.kubernetes.protobuf,application/json",
        "application/vnd.kubernetes.protobuf, */*",
    ],
)
def test_who_takes_json_gets_json(accept):
    assert parse_form(accept, "") == WHOLE


@pytest.mark.parametrize(
    "accept", ["application/cbor", "text/html", f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io"]
)
def test_who_takes_only_what_cannot_be_made_gets_nothing(accept):
    with pytest.raises(NotAcceptableError, match="only the following media types are accepted"):
        parse_form(accept, "")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (PROTOBUF, Form(encoding="protobuf")),
        (f"application/yaml,{PROTOBUF}", Form(encoding="yaml")),
        (f"{PROTOBUF};{PARTIAL}", Form("metadata", encoding="protobuf")),
        (f"{PROTOBUF};{PARTIAL},application/json;{PARTIAL}", Form("metadata")),
        (f"{PROTOBUF};{PARTIAL},application/json", WHOLE),
    ],
)
def test_who_takes_no_json_gets_what_it_takes(accept, form):
    assert parse_form(accept, "") == form


def test_what_has_no_metadata_comes_whole_or_not_at_all():
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"

    assert parse_whole_form(f"{table},application/json") == WHOLE
    with pytest.raises(NotAcceptableError):
        parse_whole_form(table)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_what_is_made_of_objects_is_of_the_version_that_was_asked_for(version):
    meta = f"meta.k8s.io/{version}"
    page = Page([builders.pod("web")], Revision(1))
    table = parse_form(f"application/json;as=Table;v={version};g=meta.k8s.io,application/json", "")
    partial = parse_form(f"application/json;as=PartialObjectMetadataList;v={version};g=meta.k8s.io", "")
    listed, partly = render_list(POD, page, table, 0.0), render_list(POD, page, partial, 0.0)

    assert render_object(POD, builders.pod("web"), table, 0.0)["apiVersion"] == meta
    assert (listed.head["kind"], listed.head["apiVersion"]) == ("Table", meta)
    assert [row["object"]["apiVersion"] for row in listed.parts] == [meta]
    assert (partly.head["apiVersion"], [item["apiVersion"] for item in partly.parts]) == (meta, [meta])


def test_items_say_what_they_are_only_where_their_kind_is_a_user_s_own():
    pod = builders.pod("web")
    own = replace(POD, custom=object())
    builtin, custom = (render_list(kind, Page([pod], Revision(1)), WHOLE, 0.0) for kind in (POD, own))

    assert list(builtin.parts) == [{key: pod[key] for key in pod if key not in ("kind", "apiVersion")}]
    assert list(custom.parts) == [pod]


def test_there_are_no_tables_of_other_versions():
    accept = "application/json;as=Table;v=v2;g=meta.k8s.io"

    assert parse_form(f"{accept},application/json", "") == WHOLE
