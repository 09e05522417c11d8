"""Descriptions are laid out as kubectl's."""

import pytest

from netemu.api.kinds import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    KINDS,
    LEASE,
    NODE,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    SERVICE,
)
from netemu.cli.describe.generic import field_words
from netemu.cli.describe.page import WITHOUT_EVENTS, needs, render_page
from netemu.cli.describe.services import endpoints_text

NOW_S = 1_000_000_000.0  # 2001-09-09T01:46:40Z
META = {"name": "web", "namespace": "default", "uid": "u1", "labels": {"app": "web"}}

POD_WEB = {
    "metadata": {
        **META,
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "uid": "r", "controller": True}],
    },
    "spec": {
        "nodeName": "node-1",
        "containers": [
            {
                "name": "nginx",
                "image": "nginx",
                "ports": [{"containerPort": 80}],
                "command": ["sh", "-c"],
                "env": [
                    {"name": "A", "value": "b"},
                    {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                ],
                "readinessProbe": {"httpGet": {"port": 80, "path": "/ok"}},
                "volumeMounts": [{"mountPath": "/data", "name": "d", "readOnly": True}],
            }
        ],
        "tolerations": [
            {
                "key": "node.kubernetes.io/not-ready",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
        ],
    },
    "status": {
        "phase": "Running",
        "hostIP": "172.30.0.11",
        "podIP": "10.244.0.5",
        "podIPs": [{"ip": "10.244.0.5"}],
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [
            {
                "name": "nginx",
                "ready": True,
                "restartCount": 1,
                "state": {"running": {"startedAt": "2001-09-09T01:46:30Z"}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "Error"}},
            }
        ],
    },
}
EVENTS = [
    {
        "metadata": {"name": "web.2"},
        "involvedObject": {"uid": "u1", "fieldPath": "spec.containers{nginx}"},
        "type": "Normal",
        "reason": "Started",
        "message": "Started container nginx",
        "source": {"component": "kubelet"},
        "lastTimestamp": "2001-09-09T01:46:35Z",
        "firstTimestamp": "2001-09-09T01:44:30Z",
        "count": 3,
    },
    {
        "metadata": {"name": "web.1"},
        "involvedObject": {"uid": "u1"},
        "type": "Normal",
        "reason": "Scheduled",
        "message": "Successfully assigned",
        "reportingComponent": "default-scheduler",
        "eventTime": "2001-09-09T01:46:00.000000Z",
    },
    {"metadata": {"name": "old"}, "involvedObject": {"uid": "earlier"}, "reason": "Gone", "message": "m"},
]


def _page(kind, obj, **related):
    by_kind = {EVENT: related.get("events", []), **related.get("more", {})}
    return render_page(kind, obj, by_kind, now_s=NOW_S)


def _words(page):
    """Forget how far apart columns are."""
    return [" ".join(line.split()) for line in page.splitlines()]


def _lines(page):
    return [line.rstrip() for line in page.splitlines()]


def test_a_pod_shows_where_it_is_and_what_its_containers_do():
    lines = _lines(_page(POD, POD_WEB))

    assert "Name:             web" in lines
    assert "Node:             node-1/172.30.0.11" in lines
    assert "Controlled By:  ReplicaSet/web-1" in lines
    assert "    State:          Running" in lines
    assert "      Exit Code:    137" in lines
    assert "    Restart Count:  1" in lines
    assert "IP: (v1:status.podIP)" in _words(_page(POD, POD_WEB))
    assert any("http-get http://:80/ok delay=0s" in line for line in lines)
    assert any("/data from d (ro)" in line for line in lines)
    assert any("node.kubernetes.io/not-ready:NoExecute op=Exists for 300s" in line for line in lines)


def test_events_come_oldest_first_and_only_of_this_object():
    page = _page(POD, POD_WEB, events=EVENTS)

    assert page.index("Scheduled") < page.index("Started container")
    assert "5s (x3 over 2m10s)" in page
    assert "spec.containers{nginx}: Started container nginx" in page
    assert "default-scheduler" in page
    assert "Gone" not in page


def test_no_events_are_none():
    assert "Events:" in _page(POD, POD_WEB)
    assert _lines(_page(POD, POD_WEB))[-1].split() == ["Events:", "<none>"]


SLICE = {
    "metadata": {"name": "web-abc", "namespace": "default"},
    "addressType": "IPv4",
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    "endpoints": [
        {"addresses": [f"10.244.0.{n}"], "conditions": {"ready": n != 9}, "nodeName": "node-1"}
        for n in range(5, 10)
    ],
}
SERVICE_WEB = {
    "metadata": META,
    "spec": {
        "type": "NodePort",
        "clusterIP": "10.96.0.7",
        "clusterIPs": ["10.96.0.7"],
        "ipFamilies": ["IPv4"],
        "selector": {"app": "web"},
        "ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 31100}],
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
    },
}


def test_a_service_shows_its_ports_and_ready_endpoints():
    lines = _lines(_page(SERVICE, SERVICE_WEB, more={ENDPOINT_SLICE: [SLICE]}))

    assert "Selector:                 app=web" in lines
    assert "Port:                     http  80/TCP" in lines
    assert "NodePort:                 http  31100/TCP" in lines
    assert "Endpoints:                10.244.0.5:8080,10.244.0.6:8080,10.244.0.7:8080 + 1 more..." in lines


def test_endpoints_of_another_port_do_not_count():
    assert endpoints_text({"name": "other", "port": 1}, [SLICE]) == ""


def test_an_endpoint_slice_shows_each_endpoint():
    page = _page(ENDPOINT_SLICE, SLICE)

    assert page.count("- Addresses:") == 5
    assert "Ready: false" in _words(page)
    assert "Zone: <unset>" in _words(page)


DEPLOYMENT_WEB = {
    "metadata": {**META, "annotations": {"deployment.kubernetes.io/revision": "2"}},
    "spec": {
        "replicas": 3,
        "selector": {
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "t", "operator": "In", "values": ["a"]}],
        },
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        },
    },
    "status": {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 2, "unavailableReplicas": 1},
}


def _replica_set(name, revision, owner="u1"):
    return {
        "metadata": {
            "name": name,
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"uid": owner, "kind": "Deployment", "name": "web"}],
        },
        "spec": {"replicas": 2},
        "status": {"replicas": 1},
    }


def test_a_deployment_shows_its_counts_and_replica_sets():
    sets = [_replica_set("web-1", "1"), _replica_set("web-2", "2"), _replica_set("db-1", "2", owner="else")]

    page = _page(DEPLOYMENT, DEPLOYMENT_WEB, more={REPLICA_SET: sets})

    assert "3 desired | 3 updated | 3 total | 2 available | 1 unavailable" in page
    assert "app=web,t in (a)" in page
    assert "25% max unavailable, 25% max surge" in page
    assert "OldReplicaSets: web-1 (1/2 replicas created)" in _words(page)
    assert "NewReplicaSet: web-2 (1/2 replicas created)" in _words(page)


def test_a_daemon_set_counts_nodes():
    obj = {**DEPLOYMENT_WEB, "status": {"desiredNumberScheduled": 3}}

    assert "Desired Number of Nodes Scheduled: 3" in _words(_page(DAEMON_SET, obj))


def test_a_replication_controller_selects_by_bare_labels():
    spec = {**DEPLOYMENT_WEB["spec"], "selector": {"app": "web", "tier": "front"}}

    page = _words(_page(REPLICATION_CONTROLLER, {**DEPLOYMENT_WEB, "spec": spec}))

    assert "Selector: app=web,tier=front" in page
    assert "Replicas: 3 current / 3 desired" in page


def test_a_node_shows_its_conditions_and_living_pods():
    node = {
        "metadata": {"name": "node-1", "labels": {"node-role.kubernetes.io/worker": ""}},
        "spec": {"podCIDR": "10.244.0.0/24", "taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]},
        "status": {
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "cni"}
            ],
            "addresses": [{"type": "InternalIP", "address": "172.30.0.11"}],
            "capacity": {"pods": "110"},
        },
    }
    done = {"metadata": {"name": "done", "namespace": "default"}, "status": {"phase": "Succeeded"}}

    page = _page(NODE, node, more={POD: [POD_WEB, done]})

    assert "Roles:              worker" in page
    assert "k=v:NoSchedule" in page
    assert "KubeletNotReady" in page
    assert "(1 in total)" in page


def test_any_other_kind_is_shown_field_by_field():
    lease = {"metadata": META, "spec": {"holderIdentity": "me", "rules": [{"http": []}], "tls": True}}

    page = _page(LEASE, lease)

    assert "Holder Identity: me" in _words(page)
    assert "Tls: true" in _words(page)


@pytest.mark.parametrize(
    ("name", "words"),
    [("clusterIP", "Cluster IP"), ("podCIDRs", "Pod CIDRs"), ("name", "Name"), ("a.b/c", "a.b/c")],
)
def test_field_names_become_words(name, words):
    assert field_words(name) == words


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in WITHOUT_EVENTS], ids=lambda kind: kind.kind
)
def test_every_description_asks_for_the_events_of_its_object(kind):
    asked = needs(kind, {"metadata": {"name": "x", "namespace": "default"}})

    assert asked[0].kind is EVENT
    assert "involvedObject.name=x" in asked[0].field_selector


def test_what_apply_keeps_for_itself_is_not_shown():
    annotated = {**META, "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}}

    page = _page(CONFIG_MAP, {"metadata": annotated, "data": {"k": "v\nw"}})

    assert "last-applied" not in page
    assert "a: b" in page
