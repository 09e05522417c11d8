"""What kubectl get prints, kind by kind."""

from __future__ import annotations

import pytest

from netemu.api import kinds
from netemu.apiserver.columns.duration import human_duration
from netemu.apiserver.tables import table
from netemu.clock import parse_rfc3339

NOW_S = parse_rfc3339("2024-01-01T01:00:00Z")
AN_HOUR_AGO = "2024-01-01T00:00:00Z"


def meta(name="web", **more):
    return {"name": name, "creationTimestamp": AN_HOUR_AGO, **more}


def workload(**status):
    containers = [{"name": "a", "image": "nginx:1"}, {"name": "b", "image": "redis"}]
    return {
        "metadata": meta(),
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"containers": containers}},
        },
        "status": status,
    }


def printed(kind, obj):
    """Give a row as kubectl prints it: the cells, with ``|`` before the wide ones."""
    made = table(kind, [obj], NOW_S, "None")
    cells = made["rows"][0]["cells"]
    shown = [c for c, d in zip(cells, made["columnDefinitions"], strict=True) if d["priority"] == 0]
    wide = [c for c, d in zip(cells, made["columnDefinitions"], strict=True) if d["priority"] == 1]
    return "  ".join(map(str, shown)) + "".join(f" | {cell}" for cell in wide)


def headings(kind):
    return " ".join(
        c["name"].upper().replace(" ", "_") for c in table(kind, [], NOW_S, "None")["columnDefinitions"]
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (kinds.POD, "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED_NODE READINESS_GATES"),
        (kinds.SERVICE, "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR"),
        (kinds.DEPLOYMENT, "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR"),
        (kinds.REPLICA_SET, "NAME DESIRED CURRENT READY AGE CONTAINERS IMAGES SELECTOR"),
        (
            kinds.DAEMON_SET,
            "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE_SELECTOR AGE CONTAINERS IMAGES SELECTOR",
        ),
        (kinds.STATEFUL_SET, "NAME READY AGE CONTAINERS IMAGES"),
        (
            kinds.NODE,
            "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME",
        ),
        (kinds.EVENT, "LAST_SEEN TYPE REASON OBJECT SUBOBJECT SOURCE MESSAGE FIRST_SEEN COUNT NAME"),
        (kinds.INGRESS, "NAME CLASS HOSTS ADDRESS PORTS AGE"),
    ],
    ids=lambda value: getattr(value, "resource", ""),
)
def test_the_headings_are_kubectls(kind, expected):
    assert headings(kind) == expected


def test_every_kind_has_a_table():
    assert all(table(kind, [], NOW_S, "None")["columnDefinitions"] for kind in kinds.KINDS)


ROWS = [
    pytest.param(
        kinds.SERVICE,
        {
            "metadata": meta(),
            "spec": {
                "type": "NodePort",
                "clusterIP": "10.96.0.9",
                "selector": {"b": "2", "a": "1"},
                "ports": [
                    {"port": 80, "nodePort": 31100, "protocol": "TCP"},
                    {"port": 53, "protocol": "UDP"},
                ],
            },
        },
        "web  NodePort  10.96.0.9  <none>  80:31100/TCP,53/UDP  60m | a=1,b=2",
        id="service",
    ),
    pytest.param(
        kinds.SERVICE,
        {"metadata": meta(), "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": []}},
        "web  LoadBalancer  10.96.0.9  <pending>  <none>  60m | <none>",
        id="pending-load-balancer",
    ),
    pytest.param(
        kinds.SERVICE,
        {"metadata": meta(), "spec": {"type": "ExternalName", "externalName": "example.com"}},
        "web  ExternalName  <none>  example.com  <none>  60m | <none>",
        id="external-name",
    ),
    pytest.param(
        kinds.SERVICE,
        {"metadata": meta(), "spec": {"clusterIP": "None", "ports": [{"port": 80}]}},
        "web  ClusterIP  None  <none>  80/TCP  60m | <none>",
        id="headless",
    ),
    pytest.param(
        kinds.DEPLOYMENT,
        workload(readyReplicas=2, updatedReplicas=3, availableReplicas=1),
        "web  2/3  3  1  60m | a,b | nginx:1,redis | app=web",
        id="deployment",
    ),
    pytest.param(
        kinds.REPLICA_SET,
        workload(replicas=3, readyReplicas=2),
        "web  3  3  2  60m | a,b | nginx:1,redis | app=web",
        id="replicaset",
    ),
    pytest.param(
        kinds.DAEMON_SET,
        workload(desiredNumberScheduled=3, currentNumberScheduled=3, numberReady=2, numberAvailable=1),
        "web  3  3  2  0  1  <none>  60m | a,b | nginx:1,redis | app=web",
        id="daemonset",
    ),
    pytest.param(
        kinds.STATEFUL_SET, workload(readyReplicas=1), "web  1/3  60m | a,b | nginx:1,redis", id="statefulset"
    ),
    pytest.param(
        kinds.NODE,
        {
            "metadata": meta("node-1", labels={"node-role.kubernetes.io/control-plane": ""}),
            "spec": {"unschedulable": True},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": "172.30.0.11"}],
                "nodeInfo": {"kubeletVersion": "v1.36.0", "osImage": "Debian", "kernelVersion": "6.18"},
            },
        },
        "node-1  Ready,SchedulingDisabled  control-plane  60m  v1.36.0"
        " | 172.30.0.11 | <none> | Debian | 6.18 | <unknown>",
        id="node",
    ),
    pytest.param(
        kinds.NODE,
        {"metadata": meta("n"), "status": {"conditions": [{"type": "Ready", "status": "False"}]}},
        "n  NotReady  <none>  60m   | <none> | <none> | <unknown> | <unknown> | <unknown>",
        id="node-not-ready",
    ),
    pytest.param(
        kinds.NAMESPACE,
        {"metadata": meta(), "status": {"phase": "Active"}},
        "web  Active  60m",
        id="namespace",
    ),
    pytest.param(
        kinds.CONFIG_MAP,
        {"metadata": meta(), "data": {"a": "1"}, "binaryData": {"b": "eA=="}},
        "web  2  60m",
        id="configmap",
    ),
    pytest.param(
        kinds.SECRET, {"metadata": meta(), "type": "Opaque", "data": {}}, "web  Opaque  0  60m", id="secret"
    ),
    pytest.param(kinds.SERVICE_ACCOUNT, {"metadata": meta()}, "web  0  60m", id="serviceaccount"),
    pytest.param(
        kinds.ENDPOINTS,
        {
            "metadata": meta(),
            "subsets": [
                {
                    "addresses": [{"ip": f"10.244.0.{n}"} for n in range(1, 6)],
                    "ports": [{"port": 80}],
                }
            ],
        },
        "web  10.244.0.1:80,10.244.0.2:80,10.244.0.3:80 + 2 more...  60m",
        id="endpoints",
    ),
    pytest.param(kinds.ENDPOINTS, {"metadata": meta()}, "web  <none>  60m", id="no-endpoints"),
    pytest.param(
        kinds.ENDPOINT_SLICE,
        {
            "metadata": meta(),
            "addressType": "IPv4",
            "ports": [{"port": 80}, {"port": 443}],
            "endpoints": [{"addresses": ["10.244.0.1"]}, {"addresses": ["10.244.0.2"]}],
        },
        "web  IPv4  80,443  10.244.0.1,10.244.0.2  60m",
        id="endpointslice",
    ),
    pytest.param(
        kinds.ENDPOINT_SLICE,
        {"metadata": meta(), "addressType": "IPv4", "endpoints": []},
        "web  IPv4  <unset>  <unset>  60m",
        id="empty-endpointslice",
    ),
    pytest.param(
        kinds.INGRESS,
        {
            "metadata": meta(),
            "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.b"}, {}], "tls": [{}]},
        },
        "web  nginx  a.b    80, 443  60m",
        id="ingress",
    ),
    pytest.param(
        kinds.INGRESS, {"metadata": meta(), "spec": {}}, "web  <none>  *    80  60m", id="bare-ingress"
    ),
    pytest.param(
        kinds.INGRESS_CLASS,
        {"metadata": meta(), "spec": {"controller": "example.com/c"}},
        "web  example.com/c  <none>  60m",
        id="ingressclass",
    ),
    pytest.param(
        kinds.EVENT,
        {
            "metadata": meta("e"),
            "type": "Warning",
            "reason": "FailedScheduling",
            "message": "no room \n",
            "involvedObject": {"kind": "Pod", "name": "web", "fieldPath": "spec"},
            "source": {"component": "default-scheduler"},
            "firstTimestamp": "2024-01-01T00:30:00Z",
            "lastTimestamp": "2024-01-01T00:59:00Z",
            "count": 4,
        },
        "60s  Warning  FailedScheduling  pod/web  no room | spec | default-scheduler | 30m | 4 | e",
        id="event",
    ),
]


@pytest.mark.parametrize(("kind", "obj", "row"), ROWS)
def test_the_row_is_what_kubectl_prints(kind, obj, row):
    assert printed(kind, obj) == row


def container(name="c", *, ready=False, restarts=0, last=None, **state):
    status = {"name": name, "ready": ready, "restartCount": restarts, "state": state}
    return status | ({"lastState": {"terminated": {"finishedAt": last}}} if last else {})


def pod(*statuses, phase="Running", init=(), sidecars=(), deleting=False, **status):
    names = [s["name"] for s in statuses] or ["c"]
    inits = [{"name": s["name"]} for s in init]
    for entry in inits:
        entry.update({"restartPolicy": "Always"} if entry["name"] in sidecars else {})
    return {
        "metadata": meta("p", **({"deletionTimestamp": AN_HOUR_AGO} if deleting else {})),
        "spec": {"containers": [{"name": n} for n in names], "initContainers": inits},
        "status": {
            "phase": phase,
            "containerStatuses": list(statuses),
            "initContainerStatuses": list(init),
            **status,
        },
    }


RUNNING = {"running": {"startedAt": AN_HOUR_AGO}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}


@pytest.mark.parametrize(
    ("obj", "row"),
    [
        pytest.param(pod(phase="Pending"), "0/1  Pending  0", id="pending"),
        pytest.param(
            pod(container(waiting={"reason": "ContainerCreating"}), phase="Pending"),
            "0/1  ContainerCreating  0",
            id="creating",
        ),
        pytest.param(pod(container(ready=True, **RUNNING)), "1/1  Running  0", id="running"),
        pytest.param(
            pod(container(restarts=3, last="2024-01-01T00:59:30Z", waiting={"reason": "CrashLoopBackOff"})),
            "0/1  CrashLoopBackOff  3 (30s ago)",
            id="crash-loop",
        ),
        pytest.param(pod(container(**DONE), phase="Succeeded"), "0/1  Completed  0", id="completed"),
        pytest.param(
            pod(container(terminated={"exitCode": 2, "reason": "Error"}), phase="Failed"),
            "0/1  Error  0",
            id="error",
        ),
        pytest.param(
            pod(container(terminated={"exitCode": 2}), phase="Failed"), "0/1  ExitCode:2  0", id="exit-code"
        ),
        pytest.param(
            pod(container(terminated={"exitCode": 137, "signal": 9}), phase="Failed"),
            "0/1  Signal:9  0",
            id="signal",
        ),
        pytest.param(
            pod(container(ready=True, **RUNNING), deleting=True), "1/1  Terminating  0", id="terminating"
        ),
        pytest.param(
            pod(container(**DONE), phase="Succeeded", deleting=True),
            "0/1  Completed  0",
            id="ended-terminating",
        ),
        pytest.param(pod(phase="Failed", reason="Evicted"), "0/1  Evicted  0", id="evicted"),
        pytest.param(
            pod(
                container("a", **DONE),
                container("b", ready=True, **RUNNING),
                conditions=[{"type": "Ready", "status": "False"}],
            ),
            "1/2  NotReady  0",
            id="one-completed",
        ),
        pytest.param(
            pod(phase="Pending", init=(container("i", **DONE), container("j", **RUNNING))),
            "0/1  Init:1/2  0",
            id="init",
        ),
        pytest.param(
            pod(phase="Pending", init=(container("i", restarts=2, waiting={"reason": "CrashLoopBackOff"}),)),
            "0/1  Init:CrashLoopBackOff  2",
            id="init-crash-loop",
        ),
        pytest.param(
            pod(phase="Pending", init=(container("i", terminated={"exitCode": 1}),)),
            "0/1  Init:ExitCode:1  0",
            id="init-failed",
        ),
        pytest.param(
            pod(
                container(ready=True, **RUNNING),
                init=({**container("s", ready=True, **RUNNING), "started": True},),
                sidecars=("s",),
            ),
            "2/2  Running  0",
            id="sidecar",
        ),
        pytest.param(
            pod(
                phase="Pending",
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
            ),
            "0/1  SchedulingGated  0",
            id="gated",
        ),
    ],
)
def test_a_pods_row_says_what_it_is_doing(obj, row):
    assert printed(kinds.POD, obj) == f"p  {row}  60m | <none> | <none> | <none> | <none>"


def test_a_pods_wide_row_says_where_it_is():
    obj = pod(container(ready=True, **RUNNING), podIPs=[{"ip": "10.244.1.2"}], podIP="10.244.1.2")
    obj["spec"] |= {"nodeName": "node-2", "readinessGates": [{"conditionType": "x"}]}
    obj["status"]["conditions"] = [{"type": "x", "status": "True"}]

    assert printed(kinds.POD, obj).endswith("| 10.244.1.2 | node-2 | <none> | 1/1")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (120, "2m"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 90, "3h1m"),
        (8 * 3600 + 90, "8h"),
        (47 * 3600, "47h"),
        (50 * 3600, "2d2h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (731 * 86400, "2y1d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_ages_are_short(seconds, text):
    assert human_duration(seconds) == text
