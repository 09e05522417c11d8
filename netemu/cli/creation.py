"""Objects that ``create``'s words make: configuration, Services, Jobs, access. Pure.

Source: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_create/.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from netemu.api.kinds import Kind
from netemu.cli.resources import UsageError, find_kinds

Object = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"


def config_map(name: str, namespace: str, values: Mapping[str, bytes]) -> Object:
    """Make a ConfigMap; what is no text goes to ``binaryData``."""
    made = _object("v1", "ConfigMap", name, namespace)
    for key, value in values.items():
        try:
            made.setdefault("data", {})[key] = value.decode()
        except UnicodeDecodeError:
            made.setdefault("binaryData", {})[key] = base64.b64encode(value).decode()
    return made


def secret(name: str, namespace: str, values: Mapping[str, bytes], *, type_: str = "") -> Object:
    """Make a Secret."""
    data = {key: base64.b64encode(value).decode() for key, value in values.items()}
    typed = {"type": type_} if type_ else {}
    return {**_object("v1", "Secret", name, namespace), **typed, "data": data}


def service(name: str, namespace: str, type_: str, *, tcp: Sequence[str], address: str = "") -> Object:
    """Make a Service that selects ``app=NAME``; ``address`` is its ClusterIP, or an external name.

    Raises:
        UsageError: a port cannot be read, or there is none.

    """
    spec: Object = {"type": type_, "selector": {"app": name}}
    ports = [_service_port(text) for text in tcp]
    if type_ == "ExternalName":
        spec["externalName"] = address
    elif address:
        spec["clusterIP"] = address
    if ports:
        spec["ports"] = ports
    elif type_ != "ExternalName" and address != "None":
        raise UsageError("at least one tcp port specifier must be provided")
    made = _object("v1", "Service", name, namespace)
    made["metadata"]["labels"] = {"app": name}
    return {**made, "spec": spec}


def ingress(
    name: str, namespace: str, rules: Sequence[str], *, class_name: str = "", default_backend: str = ""
) -> Object:
    """Make an Ingress of ``host/path=service:port[,tls[=secret]]`` rules; ``*`` ends a prefix.

    Raises:
        UsageError: a rule cannot be read, or there is neither a rule nor a default.

    """
    if not rules and not default_backend:
        raise UsageError(
            "not enough information provided: every ingress has to either specify a default-backend or a rule"
        )
    hosts: dict[str, list[Object]] = {}
    secrets: dict[str, list[str]] = {}
    for text in rules:
        host, path, tls = _ingress_rule(text)
        hosts.setdefault(host, []).append(path)
        if tls is not None and (tls or host):
            secrets.setdefault(tls, []).extend([host] if host else [])
    spec: Object = {"ingressClassName": class_name} if class_name else {}
    if default_backend:
        spec["defaultBackend"] = _backend(default_backend)
    if hosts:
        spec["rules"] = [
            {**({"host": host} if host else {}), "http": {"paths": paths}} for host, paths in hosts.items()
        ]
    if secrets:
        spec["tls"] = [
            {"hosts": [*dict.fromkeys(hosts)], **({"secretName": name} if name else {})}
            for name, hosts in secrets.items()
        ]
    return {**_object("networking.k8s.io/v1", "Ingress", name, namespace), "spec": spec}


def job(name: str, namespace: str, image: str, command: Sequence[str]) -> Object:
    """Make a Job of one container."""
    return {**_object("batch/v1", "Job", name, namespace), "spec": _job_spec(name, image, command)}


def job_from(name: str, cron_job: Mapping[str, Any]) -> Object:
    """Make the Job that a CronJob would make now, and that is its own."""
    meta = cron_job["metadata"]
    template = cron_job["spec"]["jobTemplate"]
    made = _object("batch/v1", "Job", name, meta["namespace"])
    about = template.get("metadata") or {}
    annotations = {**(about.get("annotations") or {}), "cronjob.kubernetes.io/instantiate": "manual"}
    made["metadata"] |= {
        "annotations": annotations,
        "ownerReferences": [
            {
                "apiVersion": "batch/v1",
                "kind": "CronJob",
                "name": meta["name"],
                "uid": meta["uid"],
                "controller": True,
            }
        ],
    }
    if about.get("labels"):
        made["metadata"]["labels"] = about["labels"]
    return {**made, "spec": template["spec"]}


def cron_job(
    name: str, namespace: str, image: str, command: Sequence[str], *, schedule: str, restart: str
) -> Object:
    """Make a CronJob of one container."""
    spec = _job_spec(name, image, command, restart=restart or "OnFailure")
    return {
        **_object("batch/v1", "CronJob", name, namespace),
        "spec": {"schedule": schedule, "jobTemplate": {"metadata": {"name": name}, "spec": spec}},
    }


def service_account(name: str, namespace: str) -> Object:
    """Make a ServiceAccount."""
    return _object("v1", "ServiceAccount", name, namespace)


def role(
    name: str,
    namespace: str,
    *,
    verbs: Sequence[str],
    resources: Sequence[str],
    names: Sequence[str] = (),
    urls: Sequence[str] = (),
) -> Object:
    """Make a Role, or without a namespace a ClusterRole.

    Raises:
        UsageError: it allows nothing, or names a resource that does not exist.

    """
    if not verbs:
        raise UsageError("at least one verb must be specified")
    if not resources and not urls:
        raise UsageError("at least one resource must be specified")
    groups: dict[str, list[str]] = {}
    for word in resources:
        group, resource = _resource(word)
        groups.setdefault(group, []).append(resource)
    rules: list[Object] = [
        {
            "verbs": list(verbs),
            "apiGroups": [group],
            "resources": found,
            **({"resourceNames": list(names)} if names else {}),
        }
        for group, found in groups.items()
    ]
    if urls:
        rules.append({"verbs": list(verbs), "nonResourceURLs": list(urls)})
    kind = "Role" if namespace else "ClusterRole"
    return {**_object(f"{RBAC}/v1", kind, name, namespace), "rules": rules}


def role_binding(
    name: str,
    namespace: str,
    *,
    role_name: str = "",
    cluster_role: str = "",
    users: Sequence[str] = (),
    groups: Sequence[str] = (),
    accounts: Sequence[str] = (),
) -> Object:
    """Make a RoleBinding, or without a namespace a ClusterRoleBinding; accounts are ``NAMESPACE:NAME``.

    Raises:
        UsageError: not exactly one role, or an account that cannot be read.

    """
    if bool(role_name) == bool(cluster_role):
        raise UsageError("exactly one of clusterrole or role must be specified")
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    named = (
        {"kind": "Role", "name": role_name} if role_name else {"kind": "ClusterRole", "name": cluster_role}
    )
    return {
        **_object(f"{RBAC}/v1", kind, name, namespace),
        "roleRef": {"apiGroup": RBAC, **named},
        "subjects": [
            *({"kind": "User", "apiGroup": RBAC, "name": user} for user in users),
            *({"kind": "Group", "apiGroup": RBAC, "name": group} for group in groups),
            *(_account(word) for word in accounts),
        ],
    }


def docker_config(server: str, username: str, password: str, email: str) -> Object:
    """Give what ``.dockerconfigjson`` holds."""
    both = base64.b64encode(f"{username}:{password}".encode()).decode()
    entry = {"username": username, "password": password, **({"email": email} if email else {}), "auth": both}
    return {"auths": {server: entry}}


def _object(api_version: str, kind: str, name: str, namespace: str) -> Object:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta}


def _job_spec(name: str, image: str, command: Sequence[str], *, restart: str = "Never") -> Object:
    container = {"name": name, "image": image, **({"command": list(command)} if command else {})}
    return {"template": {"spec": {"containers": [container], "restartPolicy": restart}}}


def _service_port(text: str) -> Object:
    port, colon, target = text.partition(":")
    if not port.isdigit() or (colon and not target):
        raise UsageError(f"{text} is not a port", hint="--tcp PORT[:TARGETPORT]")
    aimed = target or port
    return {
        "name": text.replace(":", "-"),
        "protocol": "TCP",
        "port": int(port),
        "targetPort": int(aimed) if aimed.isdigit() else aimed,
    }


def _ingress_rule(text: str) -> tuple[str, Object, str | None]:
    rule, _, option = text.partition(",")
    place, equals, backend = rule.partition("=")
    host, slash, path = place.partition("/")
    if not equals or not slash or (option and option.partition("=")[0] != "tls"):
        raise UsageError(
            f"rule {text} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
        )
    kind = "Prefix" if path.endswith("*") else "Exact"
    made = {"path": f"/{path.removesuffix('*')}", "pathType": kind, "backend": _backend(backend)}
    return host, made, option.partition("=")[2] if option else None


def _backend(text: str) -> Object:
    name, colon, port = text.partition(":")
    if not name or not colon or not port:
        raise UsageError(f"backend {text} is not SERVICE:PORT")
    return {"service": {"name": name, "port": {"number": int(port)} if port.isdigit() else {"name": port}}}


def _resource(word: str) -> tuple[str, str]:
    bare, _, subresource = word.partition("/")
    if bare == "*":
        return "*", word
    kind: Kind = find_kinds(bare)[0]
    return kind.group, f"{kind.resource}/{subresource}" if subresource else kind.resource


def _account(word: str) -> Object:
    namespace, colon, name = word.partition(":")
    if not colon or not name:
        raise UsageError(f"serviceaccount must be <namespace>:<name>, not {word!r}")
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}
