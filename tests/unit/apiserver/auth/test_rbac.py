"""What roles and bindings allow."""

from __future__ import annotations

import asyncio

import pytest

from netemu.api.kinds import BY_GVK, CLUSTER_ROLE, ROLE, ROLE_BINDING
from netemu.apiserver.auth.attributes import Attributes
from netemu.apiserver.auth.authorizer import AlwaysAllow
from netemu.apiserver.auth.policy import GROUP, first_roles
from netemu.apiserver.auth.rbac import Rbac, allows
from netemu.apiserver.auth.user import User, authenticated

ANN = authenticated("ann", ["developers"])
IS_ANN = {"kind": "User", "name": "ann"}
ROBOT = User(name="system:serviceaccount:default:robot")


@pytest.fixture
def rbac(registry):
    for obj in first_roles():
        asyncio.run(registry.create(BY_GVK[GROUP, "v1", obj["kind"]], obj))
    return Rbac(registry)


def bind(registry, role, *subjects, kind="ClusterRole"):
    """Bind a role to subjects in the namespace ``default``."""
    binding = {
        "metadata": {"generateName": "b-", "namespace": "default"},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
        "subjects": list(subjects),
    }
    asyncio.run(registry.create(ROLE_BINDING, binding))


def asks(verb, resource, namespace="default", **more):
    return Attributes(verb=verb, resource=resource, namespace=namespace, **more)


def test_who_has_no_role_may_only_look_around(rbac):
    review = Attributes(verb="create", group="authorization.k8s.io", resource="selfsubjectaccessreviews")

    assert not rbac.allows(ANN, asks("list", "pods"))
    assert rbac.allows(ANN, Attributes(verb="get", path="/apis/apps/v1"))
    assert rbac.allows(ANN, review)


@pytest.mark.parametrize(
    ("asked", "may"),
    [
        pytest.param(asks("watch", "services"), True, id="services"),
        pytest.param(asks("list", "endpointslices", group="discovery.k8s.io"), True, id="slices"),
        pytest.param(asks("get", "nodes", namespace=""), True, id="its-node"),
        pytest.param(asks("create", "events", group="events.k8s.io"), True, id="events"),
        pytest.param(asks("update", "services"), False, id="no-change"),
        pytest.param(asks("list", "secrets"), False, id="no-secret"),
    ],
)
def test_a_kube_proxy_may_follow_services(rbac, asked, may):
    assert rbac.allows(authenticated("system:kube-proxy", []), asked) is may


def test_masters_may_do_everything_without_any_role(registry):
    assert Rbac(registry).allows(User(name="x", groups=("system:masters",)), asks("delete", "nodes"))


@pytest.mark.parametrize(
    ("role", "verb", "resource", "may"),
    [
        ("view", "list", "pods", True),
        ("view", "get", "secrets", False),
        ("view", "create", "pods", False),
        ("edit", "get", "secrets", True),
        ("edit", "create", "pods", True),
        ("edit", "create", "pods/exec", True),
        ("edit", "create", "serviceaccounts/token", True),
        ("admin", "deletecollection", "configmaps", True),
        ("cluster-admin", "frobnicate", "anything", True),
    ],
)
def test_the_usual_roles_allow_what_they_do_in_kubernetes(rbac, registry, role, verb, resource, may):
    bind(registry, role, IS_ANN)
    main, _, subresource = resource.partition("/")

    assert rbac.allows(ANN, asks(verb, main, subresource=subresource)) is may


def test_a_role_binding_counts_in_its_namespace_alone(rbac, registry):
    bind(registry, "view", {"kind": "Group", "name": "developers"})

    assert rbac.allows(ANN, asks("list", "pods"))
    assert not rbac.allows(ANN, asks("list", "pods", "kube-system"))
    assert not rbac.allows(ANN, asks("list", "pods", ""))


def test_an_account_is_bound_by_its_namespace_and_name(rbac, registry):
    bind(registry, "view", {"kind": "ServiceAccount", "name": "robot", "namespace": "default"})

    assert rbac.allows(ROBOT, asks("get", "services", name="web"))
    assert not rbac.allows(User(name="system:serviceaccount:other:robot"), asks("get", "services"))


def test_a_role_of_the_namespace_is_found_by_its_kind(rbac, registry):
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["one"], "verbs": ["get"]}]
    role = {"metadata": {"name": "reader", "namespace": "default"}, "rules": rules}
    asyncio.run(registry.create(ROLE, role))
    bind(registry, "reader", IS_ANN, kind="Role")

    assert rbac.allows(ANN, asks("get", "configmaps", name="one"))
    assert not rbac.allows(ANN, asks("get", "configmaps", name="two"))
    assert not rbac.allows(ANN, asks("list", "configmaps"))


def test_a_binding_whose_role_is_missing_grants_nothing(rbac, registry):
    bind(registry, "no-such-role", IS_ANN)

    assert not rbac.allows(ANN, asks("list", "pods"))


def test_roles_with_the_label_add_to_the_usual_ones(rbac, registry):
    bind(registry, "view", IS_ANN)
    asked = asks("list", "widgets", group="example.com")
    assert not rbac.allows(ANN, asked)

    labels = {f"{GROUP}/aggregate-to-view": "true"}
    rules = [{"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["list"]}]
    asyncio.run(registry.create(CLUSTER_ROLE, {"metadata": {"name": "w", "labels": labels}, "rules": rules}))

    assert rbac.allows(ANN, asked)


@pytest.mark.parametrize(
    ("resources", "asked", "may"),
    [
        (["pods"], asks("get", "pods", subresource="log"), False),
        (["pods/log"], asks("get", "pods", subresource="log"), True),
        (["*/scale"], asks("get", "deployments", subresource="scale"), True),
        (["*"], asks("get", "pods", subresource="log"), True),
    ],
)
def test_subresources_are_asked_for_by_name(resources, asked, may):
    assert allows({"verbs": ["get"], "apiGroups": ["*"], "resources": resources}, asked) is may


@pytest.mark.parametrize(
    ("pattern", "path", "may"),
    [("/healthz", "/healthz", True), ("/apis/*", "/apis/apps", True), ("/apis", "/apis/apps", False)],
)
def test_paths_match_whole_or_by_their_beginning(pattern, path, may):
    assert allows({"verbs": ["get"], "nonResourceURLs": [pattern]}, Attributes(verb="get", path=path)) is may


def test_all_that_a_user_may_do_is_listed(rbac, registry):
    bind(registry, "view", IS_ANN)
    rules = rbac.rules(ANN, "default")

    assert any("pods" in rule["resources"] for rule in rules.resources)
    assert any("/healthz" in rule["nonResourceURLs"] for rule in rules.paths)
    assert AlwaysAllow().rules(ANN, "default").resources[0]["verbs"] == ["*"]
