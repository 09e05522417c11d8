"""Jobs, Ingresses, policies and access are laid out as kubectl lays them out."""

import pytest

from netemu.api.kinds import (
    CLUSTER_ROLE,
    CRON_JOB,
    ENDPOINT_SLICE,
    INGRESS,
    JOB,
    NETWORK_POLICY,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
)
from netemu.cli.describe.page import needs, render_page
from netemu.testing import builders

NOW_S = 1_000_000_000.0
META = {"name": "web", "namespace": "default", "uid": "u1"}


def page(kind, obj, **related):
    """Describe an object, and forget how far apart columns are."""
    by_kind = {SERVICE: related.get("services", []), ENDPOINT_SLICE: related.get("slices", [])}
    return [" ".join(line.split()) for line in render_page(kind, obj, by_kind, now_s=NOW_S).splitlines()]


def test_a_job_tells_how_far_it_is():
    job = {**builders.job("work", backoffLimit=6, parallelism=2, completions=3, ttlSecondsAfterFinished=60)}
    job["status"] = {
        "startTime": "2001-09-09T01:46:30Z",
        "completionTime": "2001-09-09T01:46:35Z",
        "succeeded": 3,
    }
    lines = page(JOB, job)

    assert "Parallelism: 2" in lines
    assert "Duration: 5s" in lines
    assert "TTL Seconds After Finished: 60" in lines
    assert "Pods Statuses: 0 Active (0 Ready) / 3 Succeeded / 0 Failed" in lines
    assert "Volumes: <none>" in lines


def test_a_cron_job_tells_what_is_not_set():
    cron_job = builders.cron_job(schedule="*/5 * * * *", startingDeadlineSeconds=7)
    cron_job["status"] = {"lastScheduleTime": "2001-09-09T01:45:00Z", "active": [{"name": "tick-1"}]}
    lines = page(CRON_JOB, cron_job)

    assert "Schedule: */5 * * * *" in lines
    assert "Starting Deadline Seconds: 7s" in lines
    assert "Time Zone: <unset>" in lines
    assert "Last Schedule Time: Sun, 09 Sep 2001 01:45:00 +0000" in lines
    assert "Active Jobs: tick-1" in lines


BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
SERVICE_WEB = {"metadata": META, "spec": {"ports": [{"port": 80, "name": "http"}]}}
SLICE = {
    "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
    "ports": [{"name": "http", "port": 8080}],
    "endpoints": [{"addresses": ["10.244.0.5"], "conditions": {"ready": True}}],
}


def ingress(**spec):
    return {"metadata": META, "spec": spec}


def test_an_ingress_shows_where_its_paths_lead():
    obj = ingress(
        ingressClassName="nginx",
        tls=[{"hosts": ["a.test"], "secretName": "s"}],
        rules=[{"host": "a.test", "http": {"paths": [{"path": "/x", "backend": BACKEND}]}}],
    )
    lines = page(INGRESS, obj, services=[SERVICE_WEB], slices=[SLICE])

    assert {"Ingress Class: nginx", "s terminates a.test", "a.test"} <= set(lines)
    assert "/x web:80 (10.244.0.5:8080)" in lines
    assert {query.kind for query in needs(INGRESS, obj)} >= {SERVICE, ENDPOINT_SLICE}


@pytest.mark.parametrize(
    ("backend", "line"),
    [
        ({"service": {"name": "no", "port": {"name": "http"}}}, 'no:http (<error: services "no" not found>)'),
        ({"service": {"name": "web", "port": {"name": "http"}}}, "web:http (10.244.0.5:8080)"),
        ({"resource": {"apiGroup": "g", "kind": "K", "name": "n"}}, "APIGroup: g, Kind: K, Name: n"),
    ],
)
def test_a_default_backend_is_told_for_all_hosts(backend, line):
    lines = page(INGRESS, ingress(defaultBackend=backend), services=[SERVICE_WEB], slices=[SLICE])

    assert f"Default backend: {line}" in lines
    assert f"* * {line}" in lines


POLICY = {
    "metadata": {**META, "creationTimestamp": "2001-09-09T01:45:00Z"},
    "spec": {
        "podSelector": {"matchLabels": {"app": "web"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {}, "namespaceSelector": {"matchLabels": {"n": "m"}}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                ],
                "ports": [{"port": 80}, {"port": 100, "endPort": 200, "protocol": "UDP"}],
            },
            {},
        ],
    },
}


def test_a_network_policy_is_told_rule_by_rule():
    lines = page(NETWORK_POLICY, POLICY)

    assert lines[2] == "Created on: 2001-09-09 01:45:00 +0000 UTC"
    assert "PodSelector: app=web" in lines
    assert "To Port: 80/TCP" in lines
    assert "To Port Range: 100-200/UDP" in lines
    assert "NamespaceSelector: n=m" in lines
    assert "Except: 10.1.0.0/16" in lines
    assert lines[-3:] == [
        "From: <any> (traffic not restricted by source)",
        "Not affecting egress traffic",
        "Policy Types: Ingress",
    ]


def test_a_policy_without_rules_isolates():
    alone = {"metadata": META, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}}

    assert "<none> (Selected pods are isolated for egress connectivity)" in page(NETWORK_POLICY, alone)


def test_a_role_is_a_table_of_what_it_allows():
    rules = [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "verbs": ["get", "list"],
            "resourceNames": ["a"],
        },
        {"nonResourceURLs": ["/healthz"], "verbs": ["get"]},
    ]
    lines = page(CLUSTER_ROLE, {"metadata": {"name": "r"}, "rules": rules})

    assert lines[-2:] == ["deployments.apps [] [a] [get list]", "[/healthz] [] [get]"]


def test_a_binding_names_its_role_and_subjects():
    subject = {"kind": "ServiceAccount", "name": "bot", "namespace": "ns"}
    role = {"kind": "Role", "name": "reader"}
    lines = page(ROLE_BINDING, {"metadata": META, "roleRef": role, "subjects": [subject]})

    assert lines[-1] == "ServiceAccount bot ns"
    assert "Name: reader" in lines


@pytest.mark.parametrize(("secrets", "line"), [([], "<none>"), ([{"name": "s"}], "s")])
def test_an_account_names_its_pull_secrets(secrets, line):
    assert f"Image pull secrets: {line}" in page(
        SERVICE_ACCOUNT, {"metadata": META, "imagePullSecrets": secrets}
    )
