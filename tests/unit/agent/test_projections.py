"""What files volumes hold, decided from objects alone."""

from __future__ import annotations

import base64

import pytest

from netemu.agent.amounts import container_resource
from netemu.agent.projections import (
    File,
    Sources,
    VolumeError,
    mentions,
    needs_token,
    tells_otherwise,
    volume_files,
)
from netemu.testing import builders

POD = builders.pod("web", labels={"app": "web", "tier": 'a"b'})
POD["metadata"] |= {"uid": "u-1", "annotations": {"note": "two\nlines"}}
POD["spec"]["containers"][0]["resources"] = {"limits": {"memory": "64Mi", "cpu": "250m"}}


def encoded(text):
    return base64.b64encode(text.encode()).decode()


OBJECTS = {
    ("ConfigMap", "conf"): {"data": {"a": "1", "b": "2"}, "binaryData": {"bin": encoded("\x00")}},
    ("Secret", "keys"): {"data": {"password": encoded("hunter2")}},
}


def files_of(**volume):
    sources = Sources(POD, lambda *key: OBJECTS.get(key), lambda *wish: f"token for {wish}")
    return volume_files({"name": "v", **volume}, sources)


def test_a_config_map_is_a_file_for_each_key():
    assert files_of(configMap={"name": "conf", "defaultMode": 0o600}) == {
        "a": File(b"1", 0o600),
        "b": File(b"2", 0o600),
        "bin": File(b"\x00", 0o600),
    }


def test_a_secret_is_decoded():
    assert files_of(secret={"secretName": "keys"}) == {"password": File(b"hunter2", 0o644)}


def test_items_choose_keys_paths_and_modes():
    items = [{"key": "b", "path": "deep/er", "mode": 0o400}]

    assert files_of(configMap={"name": "conf", "items": items}) == {"deep/er": File(b"2", 0o400)}


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
        ({"secret": {"secretName": "none"}}, 'secret "none" not found'),
        (
            {"configMap": {"name": "conf", "items": [{"key": "z", "path": "z"}]}},
            "references non-existent config key: z",
        ),
        (
            {"secret": {"secretName": "keys", "items": [{"key": "z", "path": "z"}]}},
            "references non-existent secret key: z",
        ),
        (
            {"projected": {"sources": [{"clusterTrustBundle": {}}]}},
            "unsupported projection clusterTrustBundle",
        ),
        (
            {"downwardAPI": {"items": [{"path": "x", "fieldRef": {"fieldPath": "spec.x"}}]}},
            "unsupported fieldPath",
        ),
        (
            {"downwardAPI": {"items": [{"path": "x", "resourceFieldRef": {"containerName": "zz"}}]}},
            "container zz not found",
        ),
    ],
)
def test_what_is_missing_is_named_as_a_kubelet_does(volume, words):
    with pytest.raises(VolumeError, match=words):
        files_of(**volume)


@pytest.mark.parametrize(
    "volume",
    [
        {"configMap": {"name": "none", "optional": True}},
        {"secret": {"secretName": "none", "optional": True}},
        {"configMap": {"name": "conf", "optional": True, "items": [{"key": "z", "path": "z"}]}},
    ],
)
def test_what_is_optional_may_be_missing(volume):
    assert files_of(**volume) == {}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("metadata.name", "web"),
        ("metadata.namespace", "default"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['none']", ""),
        ("metadata.labels", 'app="web"\ntier="a\\"b"'),
        ("metadata.annotations", 'note="two\\nlines"'),
    ],
)
def test_fields_are_written_as_the_downward_api_does(path, text):
    files = files_of(downwardAPI={"items": [{"path": "f", "fieldRef": {"fieldPath": path}}]})

    assert files["f"].content.decode() == text


@pytest.mark.parametrize(
    ("resource", "divisor", "text"),
    [
        ("limits.memory", "1Mi", "64"),
        ("limits.cpu", "0", "1"),
        ("limits.cpu", "1m", "250"),
        ("requests.cpu", "0", "0"),
    ],
)
def test_resources_are_whole_numbers_rounded_up(resource, divisor, text):
    reference = {"containerName": "c", "resource": resource, "divisor": divisor}
    files = files_of(downwardAPI={"items": [{"path": "f", "resourceFieldRef": reference}]})

    assert files["f"].content.decode() == text


def test_without_a_limit_a_container_may_use_what_the_machine_has():
    reference = {"resource": "limits.cpu"}

    assert int(container_resource({"name": "c"}, reference)) >= 1


@pytest.mark.parametrize(
    ("volumes", "labels", "otherwise"),
    [
        pytest.param([{"name": "v", "downwardAPI": {}}], {"a": "2"}, True, id="a-label"),
        pytest.param([{"name": "v", "downwardAPI": {}}], {"a": "1"}, False, id="nothing-of-it"),
        pytest.param([{"name": "v", "emptyDir": {}}], {"a": "2"}, False, id="no-such-files"),
        pytest.param(
            [{"name": "v", "projected": {"sources": [{"downwardAPI": {}}]}}], {"a": "2"}, True, id="projected"
        ),
    ],
)
def test_files_of_fields_are_stale_when_the_pods_labels_change(volumes, labels, otherwise):
    old = {"metadata": {"labels": {"a": "1"}}, "spec": {"volumes": volumes}}

    assert tells_otherwise(old, {**old, "metadata": {"labels": labels}}) is otherwise


def test_a_projected_volume_joins_its_sources():
    sources = [
        {"configMap": {"name": "conf", "items": [{"key": "a", "path": "x"}]}},
        {"secret": {"name": "keys"}},
        {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 900}},
        {"downwardAPI": {"items": [{"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    files = files_of(projected={"sources": sources})

    assert sorted(files) == ["ns", "password", "token", "x"]
    assert files["token"].content == b"token for ('vault', 900)"


def test_a_volume_of_no_object_has_no_files_of_its_own():
    assert files_of(emptyDir={}) is None


def test_volumes_with_tokens_are_told_apart():
    token = {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}

    assert needs_token(token)
    assert not needs_token({"configMap": {"name": "conf"}})


@pytest.mark.parametrize(
    ("volume", "kind", "is_of_it"),
    [
        ({"configMap": {"name": "x"}}, "ConfigMap", True),
        ({"configMap": {"name": "x"}}, "Secret", False),
        ({"secret": {"secretName": "x"}}, "Secret", True),
        ({"projected": {"sources": [{"secret": {"name": "x"}}]}}, "Secret", True),
        ({"projected": {"sources": [{"configMap": {"name": "x"}}]}}, "ConfigMap", True),
        ({"emptyDir": {}}, "ConfigMap", False),
    ],
)
def test_a_volume_knows_what_it_is_made_of(volume, kind, is_of_it):
    assert mentions(volume, kind, "x") is is_of_it
