"""The roles and bindings that every cluster has. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings.
``admin``, ``edit`` and ``view`` gather, beside their own rules, those of roles with the labels
``rbac.authorization.k8s.io/aggregate-to-…``, as charts and operators bring them.
"""

from __future__ import annotations

from netemu.api.client import Object
from netemu.apiserver.auth.authorizer import Rule

GROUP = "rbac.authorization.k8s.io"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS = {f"{GROUP}/autoupdate": "true"}

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")
_EVERY = ("*",)

_CORE = (
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "replicationcontrollers/scale",
    "serviceaccounts",
    "services",
)
_CORE_SEEN = (
    "bindings",
    "events",
    "limitranges",
    "namespaces",
    "namespaces/status",
    "pods/log",
    "pods/status",
    "resourcequotas",
    "resourcequotas/status",
    "services/status",
)
_ENTER = ("pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy")
_APPS = (
    "controllerrevisions",
    "daemonsets",
    "deployments",
    "deployments/scale",
    "replicasets",
    "replicasets/scale",
    "statefulsets",
    "statefulsets/scale",
)
_BATCH = ("cronjobs", "jobs")
_NETWORK = ("ingresses", "networkpolicies")
_ROLES = ("rolebindings", "roles")
_OTHERS = (
    (("apps",), _APPS),
    (("autoscaling",), ("horizontalpodautoscalers",)),
    (("batch",), _BATCH),
    (("discovery.k8s.io",), ("endpointslices",)),
    (("networking.k8s.io",), _NETWORK),
    (("policy",), ("poddisruptionbudgets",)),
)
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_AUTHENTICATED = ("system:authenticated",)


def first_roles() -> list[Object]:
    """Give all roles and bindings, in the order in which they are to be created."""
    return [
        _role("cluster-admin", [_rule(_EVERY, _EVERY, _EVERY), _paths(_EVERY, _EVERY)]),
        _gathering("admin", [*_editing(), _rule((GROUP,), _ROLES, (*_READ, *_WRITE))]),
        _gathering("edit", _editing()),
        _gathering("view", _viewing()),
        _role("system:discovery", [_paths((*_DISCOVERY, *_PUBLIC), ("get",))]),
        _role("system:basic-user", _about_oneself()),
        _role("system:public-info-viewer", [_paths(_PUBLIC, ("get",))]),
        _role("system:node-proxier", _proxying()),
        _binding("cluster-admin", ("system:masters",)),
        _binding("system:discovery", _AUTHENTICATED),
        _binding("system:basic-user", _AUTHENTICATED),
        _binding("system:public-info-viewer", (*_AUTHENTICATED, "system:unauthenticated")),
        _binding("system:node-proxier", (), users=("system:kube-proxy",)),
    ]


def _viewing() -> list[Rule]:
    return [
        _rule(("",), (*_CORE, *_CORE_SEEN), _READ),
        *(_rule(groups, resources, _READ) for groups, resources in _OTHERS),
        _rule(("metrics.k8s.io",), ("nodes", "pods"), _READ),
    ]


def _editing() -> list[Rule]:
    return [
        *_viewing(),
        _rule(("",), (*_CORE, "events", "pods/eviction", "secrets", *_ENTER), _WRITE),
        _rule(("",), ("secrets", *_ENTER), _READ),
        _rule(("",), ("serviceaccounts",), ("impersonate",)),
        _rule(("",), ("serviceaccounts/token",), ("create",)),
        *(_rule(groups, resources, _WRITE) for groups, resources in _OTHERS),
    ]


def _about_oneself() -> list[Rule]:
    reviews = ("selfsubjectaccessreviews", "selfsubjectrulesreviews")
    return [
        _rule(("authorization.k8s.io",), reviews, ("create",)),
        _rule(("authentication.k8s.io",), ("selfsubjectreviews",), ("create",)),
    ]


def _proxying() -> list[Rule]:
    """Give what a kube-proxy needs; netemu's own asks nobody."""
    return [
        _rule(("",), ("endpoints", "services"), ("list", "watch")),
        _rule(("",), ("nodes",), _READ),
        _rule(("", "events.k8s.io"), ("events",), ("create", "patch", "update")),
        _rule(("discovery.k8s.io",), ("endpointslices",), ("list", "watch")),
        _rule(("networking.k8s.io",), ("servicecidrs",), ("list", "watch")),
    ]


def _rule(groups: tuple[str, ...], resources: tuple[str, ...], verbs: tuple[str, ...]) -> Rule:
    return {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}


def _paths(paths: tuple[str, ...], verbs: tuple[str, ...]) -> Rule:
    return {"nonResourceURLs": list(paths), "verbs": list(verbs)}


def _role(name: str, rules: list[Rule]) -> Object:
    meta = {"name": name, "labels": _LABELS, "annotations": _ANNOTATIONS}
    return {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules}


def _gathering(name: str, rules: list[Rule]) -> Object:
    selector = {"matchLabels": {f"{GROUP}/aggregate-to-{name}": "true"}}
    return {**_role(name, rules), "aggregationRule": {"clusterRoleSelectors": [selector]}}


def _binding(role: str, groups: tuple[str, ...], *, users: tuple[str, ...] = ()) -> Object:
    named = [*(("Group", group) for group in groups), *(("User", user) for user in users)]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": role, "labels": _LABELS, "annotations": _ANNOTATIONS},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": GROUP, "kind": kind, "name": name} for kind, name in named],
    }
