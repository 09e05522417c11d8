"""Paths, and what they name."""

from __future__ import annotations

import pytest

from netemu.api.errors import NotFoundError
from netemu.api.kinds import DEPLOYMENT, KINDS, NAMESPACE, NODE, POD
from netemu.apiclient.http import path_of
from netemu.apiserver.routes import ObjectPath, parse_path


@pytest.mark.parametrize(
    ("path", "meaning"),
    [
        ("/api/v1/pods", ObjectPath(POD)),
        ("/api/v1/namespaces/a/pods", ObjectPath(POD, "a")),
        ("/api/v1/namespaces/a/pods/b", ObjectPath(POD, "a", "b")),
        ("/api/v1/namespaces/a/pods/b/log", ObjectPath(POD, "a", "b", "log")),
        ("/api/v1/namespaces", ObjectPath(NAMESPACE)),
        ("/api/v1/namespaces/a", ObjectPath(NAMESPACE, "", "a")),
        ("/api/v1/namespaces/a/status", ObjectPath(NAMESPACE, "", "a", "status")),
        ("/api/v1/namespaces/a/finalize", ObjectPath(NAMESPACE, "", "a", "finalize")),
        ("/api/v1/nodes/n/status", ObjectPath(NODE, "", "n", "status")),
        ("/apis/apps/v1/namespaces/a/deployments/b/scale", ObjectPath(DEPLOYMENT, "a", "b", "scale")),
    ],
)
def test_a_path_names_a_thing(path, meaning):
    assert parse_path(path) == meaning


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/v1",
        "/api/v2",
        "/api/v2/pods",
        "/api/v1/gadgets",
        "/api/v1/pods/b",
        "/api/v1/namespaces/a/nodes/b",
        "/api/v1/namespaces/a/pods/b/scale",
        "/api/v1/namespaces/a/pods/b/log/more",
        "/apis/none/v1/pods",
        "/apis/apps/v1/pods",
        "/other/v1/pods",
    ],
)
def test_other_paths_name_nothing(path):
    with pytest.raises(NotFoundError, match="the server could not find the requested resource"):
        parse_path(path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_the_clients_paths_are_the_servers(kind):
    namespace = "a" if kind.namespaced else ""

    assert parse_path(path_of(kind)) == ObjectPath(kind)
    assert parse_path(path_of(kind, namespace, "b")) == ObjectPath(kind, namespace, "b")
