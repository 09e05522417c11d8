"""Strategic merge patch: lists merge by key, directives, order."""

import copy

import pytest

from netemu.api.errors import BadRequestError
from netemu.api.kinds import DEPLOYMENT, POD, SERVICE
from netemu.api.patch import strategic_merge_patch


def containers(*items):
    return {"spec": {"containers": list(items)}}


def ports(*numbers):
    return {"spec": {"ports": [{"port": number} for number in numbers]}}


A, B, C = ({"name": name, "image": f"{name}:1"} for name in "abc")


@pytest.mark.parametrize(
    ("original", "patch", "expected"),
    [
        pytest.param(
            containers(A, B),
            containers({"name": "b", "image": "b:2"}),
            [A, {"name": "b", "image": "b:2"}],
            id="item",
        ),
        pytest.param(containers(A), containers(B), [B, A], id="new-items-come-first-without-an-order"),
        pytest.param(containers(A, B), containers({"name": "a", "$patch": "delete"}), [B], id="delete"),
        pytest.param(containers(A, B), containers(C, {"$patch": "replace"}), [C], id="replace"),
        pytest.param(
            containers(A, B),
            containers({"name": "a", "image": None, "command": ["x"]}),
            [{"name": "a", "command": ["x"]}, B],
            id="null-in-an-item",
        ),
        pytest.param(
            containers(A),
            {"spec": {"containers": [C, B], "$setElementOrder/containers": [{"name": n} for n in "cab"]}},
            [C, A, B],
            id="order",
        ),
        pytest.param(
            containers(A, B, C),
            {"spec": {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}},
            [B, C, A],
            id="the-servers-own-item-keeps-its-place",
        ),
        pytest.param(
            containers({**A, "ports": [{"containerPort": 80, "name": "x"}]}),
            containers({"name": "a", "ports": [{"containerPort": 80, "hostPort": 8}, {"containerPort": 81}]}),
            [{**A, "ports": [{"containerPort": 80, "name": "x", "hostPort": 8}, {"containerPort": 81}]}],
            id="lists-in-items-merge-too",
        ),
    ],
)
def test_a_list_of_objects_merges_by_its_key(original, patch, expected):
    before = copy.deepcopy((original, patch))

    assert strategic_merge_patch(POD, original, patch)["spec"]["containers"] == expected
    assert (original, patch) == before


@pytest.mark.parametrize(
    ("original", "patch", "expected"),
    [
        pytest.param({"a": 1}, {"a": None}, {}, id="null-deletes"),
        pytest.param(
            {"metadata": {"labels": {"a": "b"}}},
            {"metadata": {"labels": {"c": "d"}}},
            {"metadata": {"labels": {"a": "b", "c": "d"}}},
            id="maps-merge",
        ),
        pytest.param(
            {"spec": {"clusterIPs": ["x"]}},
            {"spec": {"clusterIPs": ["y"]}},
            {"spec": {"clusterIPs": ["y"]}},
            id="atomic-lists-are-replaced",
        ),
        pytest.param(
            {"spec": {"selector": {"a": "b"}}},
            {"spec": {"selector": {"$patch": "replace", "c": "d"}}},
            {"spec": {"selector": {"c": "d"}}},
            id="replace-a-map",
        ),
        pytest.param(
            {"spec": {"selector": {"a": "b"}}},
            {"spec": {"selector": {"$patch": "delete"}}},
            {"spec": {"selector": {}}},
            id="delete-a-map",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"finalizers": ["c", "a"]}},
            {"metadata": {"finalizers": ["c", "a", "b"]}},
            id="scalars-merge",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a", "x"]}},
            {"metadata": {"finalizers": ["b"]}},
            id="scalars-go",
        ),
        pytest.param(
            {},
            {"spec": {"ports": [{"port": 80, "name": None}, {"port": 1, "$patch": "delete"}]}},
            {"spec": {"ports": [{"port": 80}]}},
            id="directives-never-stay",
        ),
        pytest.param(
            {"spec": "x"},
            {"spec": {"type": "NodePort", "$retainKeys": ["type"]}},
            {"spec": {"type": "NodePort"}},
            id="another-type-replaces",
        ),
    ],
)
def test_objects_merge(original, patch, expected):
    assert strategic_merge_patch(SERVICE, original, patch) == expected


def test_retained_keys_are_all_that_stays():
    original = {
        "spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}, "replicas": 2}
    }
    patch = {"spec": {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}}}

    assert strategic_merge_patch(DEPLOYMENT, original, patch) == {
        "spec": {"strategy": {"type": "Recreate"}, "replicas": 2}
    }


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (containers({"image": "x"}), "does not contain declared merge key: name"),
        (containers("x"), "does not contain declared merge key: name"),
        (containers({"name": "a", "$patch": "merge"}), "unknown patch type: 'merge'"),
        ({"spec": {"$patch": "mix"}}, "unknown patch type: 'mix'"),
        ({"spec": {"$patch": "merge"}}, "has no meaning for an object"),
        ({"spec": {"$retainKeys": ["a"], "b": 1}}, "which its $retainKeys list does not keep"),
        ({"spec": {"$setElementOrder/containers": 1}}, "$setElementOrder/containers is a list"),
        (["x"], "a strategic merge patch is an object"),
    ],
)
def test_a_patch_that_makes_no_sense_is_a_bad_request(patch, words):
    with pytest.raises(BadRequestError) as caught:
        strategic_merge_patch(POD, containers(A), patch)

    assert words in caught.value.message
