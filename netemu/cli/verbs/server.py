"""[IO] What the API says of itself, and of who asks: version, cluster-info, api-resources, auth."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from netemu import __version__
from netemu.api.client import Object
from netemu.api.kinds import SERVICE
from netemu.apiclient.http import path_of
from netemu.cli.resourcelist import Wanted, is_wanted, resource_rows, resources_of, versions_of
from netemu.cli.resources import Query, UsageError, find_kinds
from netemu.cli.session import Session
from netemu.cli.tables import render_rows

DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
CLUSTER_SERVICE = "kubernetes.io/cluster-service=true"
REVIEWS = "/apis/authorization.k8s.io/v1"


async def show_version(session: Session, output: str) -> None:
    """Print the versions of this program and of the API that it speaks to."""
    from netemu.cli.output import render_json, render_yaml

    server = msgspec.json.decode(await session.read("/version"))
    if output in ("json", "yaml"):
        both = {"clientVersion": {"gitVersion": f"netemu-{__version__}"}, "serverVersion": server}
        sys.stdout.write(render_json(both) if output == "json" else render_yaml(both))
        return
    print(f"Client Version: netemu {__version__}\nServer Version: {server['gitVersion']}")


async def show_cluster(session: Session, port_file: Path) -> None:
    """Print where the API and the cluster's own Services are."""
    root = f"https://127.0.0.1:{port_file.read_text().strip()}"
    print(f"Kubernetes control plane is running at {root}")
    query = Query(kind=SERVICE, namespace="kube-system", label_selector=CLUSTER_SERVICE)
    for service in (await session.list(query)).items:
        meta = service["metadata"]
        name = (meta.get("labels") or {}).get("kubernetes.io/name") or meta["name"]
        port = service["spec"]["ports"][0].get("name", "")
        proxied = path_of(SERVICE, meta["namespace"], f"{meta['name']}:{port}", "proxy").replace("%3A", ":")
        print(f"{name} is running at {root}{proxied}")


async def show_resources(session: Session, wanted: Wanted, output: str, *, headings: bool) -> None:
    """Print the resources that are served.

    Raises:
        UsageError: there is no such format.

    """
    if output not in ("", "name", "wide"):
        raise UsageError(f"--output {output} is not available", hint="name or wide")
    found = [one for one in resources_of(await _discoveries(session)) if is_wanted(one, wanted)]
    if output == "name":
        print("\n".join(sorted(one.full_name for one in found)))
        return
    print("\n".join(render_rows(resource_rows(found, wide=output == "wide", headings=headings))))


async def show_versions(session: Session) -> None:
    """Print every group and version that is served."""
    print("\n".join(versions_of(await _discoveries(session))))


async def can_i(session: Session, verb: str, what: str, name: str, asked: Mapping[str, str]) -> bool:
    """Print whether the API lets someone do something; ``asked`` has subresource, namespace, as, groups."""
    spec: Object = {}
    if what.startswith("/"):
        spec["nonResourceAttributes"] = {"verb": verb, "path": what}
    else:
        spec["resourceAttributes"] = _resource_attributes(verb, what, name, asked)
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    path = f"{REVIEWS}/selfsubjectaccessreviews"
    answer = await session.send("POST", path, body=review, headers=_impersonating(asked))
    status = answer["status"]
    reason = f" - {status['reason']}" if status.get("reason") and not status["allowed"] else ""
    print(f"yes{reason}" if status["allowed"] else f"no{reason}")
    return bool(status["allowed"])


async def list_permissions(session: Session, namespace: str, asked: Mapping[str, str]) -> None:
    """Print all that someone may do in a namespace."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    path = f"{REVIEWS}/selfsubjectrulesreviews"
    status = (await session.send("POST", path, body=body, headers=_impersonating(asked)))["status"]
    rows = [("Resources", "Non-Resource URLs", "Resource Names", "Verbs")]
    for rule in status.get("resourceRules") or ():
        for resource in rule.get("resources") or ():
            for group in rule.get("apiGroups") or ("",):
                name = f"{resource}.{group}" if group else resource
                rows.append((name, "[]", _list(rule.get("resourceNames")), _list(rule["verbs"])))
    paths = status.get("nonResourceRules") or ()
    rows += [("", _list(rule.get("nonResourceURLs")), "[]", _list(rule["verbs"])) for rule in paths]
    print("\n".join(render_rows(rows)))


async def who_am_i(session: Session, asked: Mapping[str, str]) -> None:
    """Print whom the API takes the asker for."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = await session.send("POST", path, body=body, headers=_impersonating(asked))
    user = answer["status"]["userInfo"]
    rows = [("ATTRIBUTE", "VALUE"), ("Username", user.get("username", ""))]
    if user.get("uid"):
        rows.append(("UID", user["uid"]))
    if user.get("groups"):
        rows.append(("Groups", _list(user["groups"])))
    print("\n".join(render_rows(rows)))


async def _discoveries(session: Session) -> list[Object]:
    return [await session.send("GET", path, accept=DISCOVERY) for path in ("/api", "/apis")]


def _resource_attributes(verb: str, what: str, name: str, asked: Mapping[str, str]) -> Object:
    word, _, named = what.partition("/")
    group, resource, namespaced = "*" if word == "*" else "", word, True
    if word != "*":
        (kind, *_) = find_kinds(word)
        group, resource, namespaced = kind.group, kind.resource, kind.namespaced
    fields = {
        "verb": verb,
        "group": group,
        "resource": resource,
        "name": name or named,
        "subresource": asked.get("subresource", ""),
        "namespace": asked.get("namespace", "") if namespaced else "",
    }
    return {key: value for key, value in fields.items() if value}


def _impersonating(asked: Mapping[str, str]) -> dict[str, str]:
    headers = {"Impersonate-User": asked.get("as", ""), "Impersonate-Group": asked.get("groups", "")}
    return {key: value for key, value in headers.items() if value}


def _list(values: list[str] | None) -> str:
    return f"[{' '.join(values or ())}]"
