"""The ConfigMap that says whom to trust."""

from __future__ import annotations

from netemu.api.kinds import CONFIG_MAP, NAMESPACE
from netemu.controllers.rootca import publisher
from netemu.controllers.writes import Create, Update
from netemu.informer.cache import Cache, Key

CONTROLLER = publisher("the CA")
KEY = Key("", "web")


def cache_with(*objects):
    cache = Cache()
    for kind, obj in objects:
        cache.apply(kind, {**obj, "metadata": {"resourceVersion": "1", "uid": "u", **obj["metadata"]}})
    return cache


def namespace(**meta):
    return NAMESPACE, {"metadata": {"name": "web", **meta}}


def config_map(ca):
    metadata = {"name": "kube-root-ca.crt", "namespace": "web"}
    return CONFIG_MAP, {"metadata": metadata, "data": {"ca.crt": ca}}


def test_every_namespace_gets_it():
    (write,) = CONTROLLER.plan(cache_with(namespace()), KEY, 0.0)

    assert isinstance(write, Create)
    assert write.obj["data"] == {"ca.crt": "the CA"}
    assert write.obj["metadata"]["namespace"] == "web"


def test_what_someone_changed_is_changed_back():
    (write,) = CONTROLLER.plan(cache_with(namespace(), config_map("mine")), KEY, 0.0)

    assert isinstance(write, Update)
    assert write.obj["data"] == {"ca.crt": "the CA"}


def test_what_is_right_is_left_alone():
    assert CONTROLLER.plan(cache_with(namespace(), config_map("the CA")), KEY, 0.0) == []


def test_a_namespace_that_ends_gets_nothing():
    ending = namespace(deletionTimestamp="2026-01-01T00:00:00Z")

    assert CONTROLLER.plan(cache_with(ending), KEY, 0.0) == []
