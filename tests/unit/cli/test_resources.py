"""Arguments are read as kubectl reads them."""

import pytest

from netemu.api.crd.definition import kinds_of
from netemu.api.crd.names import named
from netemu.api.kinds import DEPLOYMENT, NODE, POD, SERVICE, STATEFUL_SET
from netemu.cli.resources import (
    Query,
    Scope,
    Selection,
    UsageError,
    display_name,
    find_kinds,
    parse_one,
    parse_selections,
    queries,
)
from netemu.testing.builders import custom_resource_definition


@pytest.mark.parametrize(
    "word", ["deployments", "deployment", "deploy", "Deployment", "deployments.apps", "deploy.v1.apps"]
)
def test_a_kind_has_many_names(word):
    assert find_kinds(word) == (DEPLOYMENT,)


def test_all_is_the_category_of_workloads_and_services():
    found = find_kinds("all")

    assert {POD, SERVICE, DEPLOYMENT, STATEFUL_SET} <= set(found)
    assert NODE not in found


@pytest.mark.parametrize("word", ["gadgets", "pods.apps", "all.apps"])
def test_an_unknown_kind_is_named(word):
    with pytest.raises(UsageError, match=f'resource type "{word}"'):
        find_kinds(word)


@pytest.mark.parametrize(
    ("words", "selections"),
    [
        pytest.param(["pods"], (Selection(kind=POD),), id="kind"),
        pytest.param(["po,svc"], (Selection(kind=POD), Selection(kind=SERVICE)), id="kinds"),
        pytest.param(["pod", "a", "b"], (Selection(kind=POD, names=("a", "b")),), id="names"),
        pytest.param(
            ["pod/a", "svc/b"],
            (Selection(kind=POD, names=("a",)), Selection(kind=SERVICE, names=("b",))),
            id="pairs",
        ),
    ],
)
def test_words_become_selections(words, selections):
    assert parse_selections(words) == selections


@pytest.mark.parametrize("words", [[], ["pod/a", "b"], ["pod/"], ["all/a"]])
def test_words_that_mean_nothing_are_refused(words):
    with pytest.raises(UsageError):
        parse_selections(words)


def test_a_bare_name_is_a_pod():
    assert parse_one(["web"]) == Selection(kind=POD, names=("web",))
    assert parse_one(["deploy/web"]) == Selection(kind=DEPLOYMENT, names=("web",))
    assert parse_one(["deploy", "web"]) == Selection(kind=DEPLOYMENT, names=("web",))


@pytest.mark.parametrize("words", [["pod", "a", "b"], ["pod/a", "pod/b"], ["pods,svc", "a"]])
def test_several_objects_are_refused_where_one_is_needed(words):
    with pytest.raises(UsageError, match="exactly one"):
        parse_one(words)


def test_a_query_for_all_carries_the_selectors():
    scope = Scope(namespace="web", label_selector="a=b", field_selector="c=d")

    assert queries(Selection(kind=POD), scope) == [
        Query(kind=POD, namespace="web", label_selector="a=b", field_selector="c=d")
    ]


def test_names_make_a_query_each_and_cluster_scoped_kinds_have_no_namespace():
    assert queries(Selection(kind=NODE, names=("a", "b")), Scope(namespace="web")) == [
        Query(kind=NODE, name="a"),
        Query(kind=NODE, name="b"),
    ]


def test_a_file_says_more_about_the_namespace_than_an_option():
    selection = Selection(kind=POD, names=("a",), namespace="file")

    assert queries(selection, Scope(namespace=""))[0].namespace == "file"


def test_a_name_in_all_namespaces_is_refused():
    with pytest.raises(UsageError, match="across all namespaces"):
        queries(Selection(kind=POD, names=("a",)), Scope(namespace=""))


def test_objects_are_displayed_with_singular_and_group():
    assert display_name(POD, "web") == "pod/web"
    assert display_name(DEPLOYMENT, "web") == "deployment.apps/web"


def ball_kinds():
    crd = custom_resource_definition(
        "Ball",
        {
            "name": "v1alpha1",
            "served": True,
            "storage": False,
            "schema": {"openAPIV3Schema": {"type": "object"}},
        },
        {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}},
        short_names=["bl"],
    )
    crd["spec"]["names"]["categories"] = ["toys"]
    return kinds_of(named(crd, (), 0.0))


@pytest.mark.parametrize(
    "word", ["balls", "Ball", "bl", "balls.toys.example", "balls.v1.toys.example", "toys"]
)
def test_kinds_that_are_not_built_in_are_asked_for(word):
    (found,) = find_kinds(word, ball_kinds)

    assert (found.kind, found.version) == ("Ball", "v1")


def test_a_version_can_be_named():
    (found,) = find_kinds("balls.v1alpha1.toys.example", ball_kinds)

    assert found.version == "v1alpha1"


def test_built_in_kinds_need_no_question():
    def more():
        raise AssertionError

    assert find_kinds("po", more) == (POD,)


def test_a_category_has_each_resource_once():
    keys = [kind.key for kind in find_kinds("all")]

    assert len(set(keys)) == len(keys)
