"""Requests, in the words of authorization."""

from __future__ import annotations

import pytest

from netemu.apiserver.auth.attributes import Attributes, attributes_of, refusal
from netemu.apiserver.auth.user import User

ANN = User(name="ann")


def described(asked):
    return " ".join([asked.verb, asked.full_resource, f"{asked.namespace}/{asked.name}"])


@pytest.mark.parametrize(
    ("method", "path", "query", "said"),
    [
        ("GET", "/api/v1/pods", {}, "list pods /"),
        ("GET", "/api/v1/pods", {"watch": "1"}, "watch pods /"),
        ("GET", "/api/v1/pods", {"watch": "false"}, "list pods /"),
        ("GET", "/api/v1/namespaces/n/pods/p", {}, "get pods n/p"),
        ("HEAD", "/api/v1/namespaces/n/pods/p", {}, "get pods n/p"),
        ("POST", "/api/v1/namespaces/n/pods", {}, "create pods n/"),
        ("DELETE", "/api/v1/namespaces/n/pods", {}, "deletecollection pods n/"),
        ("DELETE", "/api/v1/namespaces/n/pods/p", {}, "delete pods n/p"),
        ("PUT", "/apis/apps/v1/namespaces/n/deployments/d/scale", {}, "update deployments/scale n/d"),
        ("GET", "/api/v1/namespaces/n", {}, "get namespaces n/n"),
        ("PUT", "/api/v1/namespaces/n/finalize", {}, "update namespaces/finalize n/n"),
        ("GET", "/api/v1/pods", {"fieldSelector": "metadata.name=p"}, "list pods /p"),
        ("GET", "/api/v1/namespaces/n/services/s:http/proxy/a/b", {}, "get services/proxy n/s:http"),
    ],
)
def test_a_request_is_read_as_what_it_does(method, path, query, said):
    assert described(attributes_of(method, path, query)) == said


@pytest.mark.parametrize(
    "path", ["/version", "/apis", "/apis/apps", "/apis/apps/v1", "/openapi/v2", "/api/v1"]
)
def test_documents_are_paths(path):
    assert attributes_of("GET", path, {}) == Attributes(verb="get", path=path)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            Attributes(verb="list", resource="pods", namespace="default"),
            (
                'pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace'
                ' "default"'
            ),
        ),
        (
            Attributes(verb="get", group="apps", resource="deployments", subresource="scale", name="d"),
            (
                'deployments.apps "d" is forbidden: User "ann" cannot get resource "deployments/scale" in API'
                ' group "apps" at the cluster scope'
            ),
        ),
        (Attributes(verb="get", path="/metrics"), 'forbidden: User "ann" cannot get path "/metrics"'),
    ],
)
def test_a_refusal_has_kubernetes_words(asked, words):
    assert refusal(ANN, asked).message == words
