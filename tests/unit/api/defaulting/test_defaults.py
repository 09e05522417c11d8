"""Every kind is completed as Kubernetes completes it."""

import pytest

from netemu.api.defaulting import default, without_nulls
from netemu.api.kinds import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    ENDPOINTS,
    INGRESS,
    INGRESS_CLASS,
    NAMESPACE,
    POD,
    REPLICA_SET,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    STATEFUL_SET,
)

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "httpd"}]}}
SELECTOR = {"matchLabels": {"app": "web"}}
CONTAINER = {
    "name": "c",
    "image": "httpd",
    "imagePullPolicy": "Always",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
POD_SPEC = {
    "containers": [CONTAINER],
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
}


def spec_of(kind, spec):
    return default(kind, {"metadata": {"name": "x"}, "spec": spec})["spec"]


def pod_spec(**spec):
    return spec_of(POD, {"containers": [{"name": "c", "image": "httpd"}], **spec})


def container_of(**fields):
    return spec_of(POD, {"containers": [{"name": "c", "image": "httpd", **fields}]})["containers"][0]


def test_a_pod_is_completed():
    assert pod_spec() == {
        **POD_SPEC,
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "enableServiceLinks": True,
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        ],
    }


def test_a_template_gets_no_more_than_templates_get():
    spec = spec_of(DEPLOYMENT, {"selector": SELECTOR, "template": TEMPLATE})

    assert spec["template"]["spec"] == POD_SPEC


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("httpd", "Always"),
        ("httpd:latest", "Always"),
        ("httpd:2.4", "IfNotPresent"),
        ("registry:5000/httpd", "Always"),
        ("registry:5000/httpd:2", "IfNotPresent"),
        ("httpd@sha256:abcd", "IfNotPresent"),
    ],
)
def test_the_tag_of_the_image_decides_when_it_is_pulled(image, policy):
    assert container_of(image=image)["imagePullPolicy"] == policy


def test_probes_get_their_times_and_http_its_path():
    probe = container_of(readinessProbe={"httpGet": {"port": 80}})["readinessProbe"]

    assert probe == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }


def test_a_hook_gets_its_path_and_a_grpc_probe_its_service():
    container = container_of(
        lifecycle={"preStop": {"httpGet": {"port": 80}}}, livenessProbe={"grpc": {"port": 5}}
    )

    assert container["lifecycle"]["preStop"]["httpGet"] == {"port": 80, "path": "/", "scheme": "HTTP"}
    assert container["livenessProbe"]["grpc"] == {"port": 5, "service": ""}


def test_ports_are_tcp_and_the_downward_api_is_v1():
    container = container_of(
        ports=[{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
        env=[{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    )

    assert [port["protocol"] for port in container["ports"]] == ["TCP", "UDP"]
    assert container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"


def test_limits_are_requests_where_there_are_none():
    resources = container_of(
        resources={"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}
    )["resources"]

    assert resources["requests"] == {"cpu": "500m", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_a_new_pod_is_pending_with_its_quality_of_service(resources, quality):
    pod = default(
        POD, {"metadata": {}, "spec": {"containers": [{"name": "c", "image": "x", "resources": resources}]}}
    )

    assert pod["status"] == {"phase": "Pending", "qosClass": quality}


def test_ports_of_a_pod_on_the_nodes_network_are_the_nodes_ports():
    spec = pod_spec(
        hostNetwork=True, containers=[{"name": "c", "image": "x", "ports": [{"containerPort": 80}]}]
    )

    assert spec["containers"][0]["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("tolerations", "added"),
    [
        ([{"operator": "Exists"}], []),
        ([{"operator": "Exists", "effect": "NoSchedule"}], ["not-ready", "unreachable"]),
        (
            [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
            ["unreachable"],
        ),
    ],
)
def test_a_pod_tolerates_a_lost_node_for_a_while_unless_it_says_otherwise(tolerations, added):
    spec = pod_spec(tolerations=tolerations)

    assert spec["tolerations"][len(tolerations) :] == [
        {
            "key": f"node.kubernetes.io/{name}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 300,
        }
        for name in added
    ]


def test_a_system_pod_has_the_priority_of_its_class():
    assert pod_spec(priorityClassName="system-cluster-critical")["priority"] == 2_000_000_000


@pytest.mark.parametrize(
    ("volume", "source"),
    [
        ({}, {"emptyDir": {}}),
        ({"secret": {"secretName": "s"}}, {"secret": {"secretName": "s", "defaultMode": 420}}),
        ({"configMap": {"name": "c"}}, {"configMap": {"name": "c", "defaultMode": 420}}),
        ({"hostPath": {"path": "/x"}}, {"hostPath": {"path": "/x", "type": ""}}),
        ({"image": {"reference": "x:1"}}, {"image": {"reference": "x:1", "pullPolicy": "IfNotPresent"}}),
        (
            {"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "b"}}]}},
            {
                "downwardAPI": {
                    "items": [{"path": "a", "fieldRef": {"fieldPath": "b", "apiVersion": "v1"}}],
                    "defaultMode": 420,
                }
            },
        ),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {
                "projected": {
                    "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
                    "defaultMode": 420,
                }
            },
        ),
    ],
)
def test_volumes_are_completed(volume, source):
    assert pod_spec(volumes=[{"name": "v", **volume}])["volumes"] == [{"name": "v", **source}]


@pytest.mark.parametrize(
    ("spec", "filled"),
    [
        pytest.param(
            {"ports": [{"port": 80}]},
            {
                "type": "ClusterIP",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
            },
            id="cluster-ip",
        ),
        pytest.param(
            {"type": "NodePort", "ports": [{"port": 80, "targetPort": "http", "nodePort": 0}]},
            {
                "type": "NodePort",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": "http"}],
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "externalTrafficPolicy": "Cluster",
            },
            id="node-port",
        ),
        pytest.param(
            {"type": "LoadBalancer", "externalTrafficPolicy": "Local"},
            {
                "type": "LoadBalancer",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "externalTrafficPolicy": "Local",
                "allocateLoadBalancerNodePorts": True,
            },
            id="load-balancer",
        ),
        pytest.param(
            {"type": "ExternalName", "externalName": "a.b"},
            {"type": "ExternalName", "externalName": "a.b", "sessionAffinity": "None"},
            id="external-name",
        ),
        pytest.param(
            {"sessionAffinity": "ClientIP"},
            {
                "type": "ClusterIP",
                "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
                "internalTrafficPolicy": "Cluster",
            },
            id="affinity",
        ),
        pytest.param(
            {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}}},
            {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"},
            id="no-affinity-has-no-config",
        ),
        pytest.param(
            {"externalIPs": ["192.0.2.1"]},
            {
                "type": "ClusterIP",
                "externalIPs": ["192.0.2.1"],
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "externalTrafficPolicy": "Cluster",
            },
            id="external-ips",
        ),
    ],
)
def test_a_service_is_completed(spec, filled):
    assert spec_of(SERVICE, spec) == filled


def test_an_address_of_a_load_balancer_is_virtual_unless_it_says_otherwise():
    ingress = [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2", "ipMode": "Proxy"}, {"hostname": "a.example"}]
    service = {"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": ingress}}}

    filled = default(SERVICE, service)["status"]["loadBalancer"]["ingress"]

    assert [point.get("ipMode") for point in filled] == ["VIP", "Proxy", None]


@pytest.mark.parametrize(
    ("kind", "spec", "filled"),
    [
        pytest.param(
            DEPLOYMENT,
            {},
            {
                "replicas": 1,
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
                },
                "revisionHistoryLimit": 10,
                "progressDeadlineSeconds": 600,
            },
            id="deployment",
        ),
        pytest.param(
            DEPLOYMENT,
            {"replicas": 0, "strategy": {"type": "Recreate"}},
            {
                "replicas": 0,
                "strategy": {"type": "Recreate"},
                "revisionHistoryLimit": 10,
                "progressDeadlineSeconds": 600,
            },
            id="recreate",
        ),
        pytest.param(REPLICA_SET, {}, {"replicas": 1}, id="replica-set"),
        pytest.param(
            DAEMON_SET,
            {},
            {
                "updateStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
                },
                "revisionHistoryLimit": 10,
            },
            id="daemon-set",
        ),
        pytest.param(
            STATEFUL_SET,
            {"updateStrategy": {"type": "OnDelete"}},
            {
                "replicas": 1,
                "podManagementPolicy": "OrderedReady",
                "updateStrategy": {"type": "OnDelete"},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
                "revisionHistoryLimit": 10,
            },
            id="stateful-set",
        ),
    ],
)
def test_a_workload_is_completed(kind, spec, filled):
    assert spec_of(kind, spec) == filled


def test_a_secret_takes_its_plain_text_into_its_data():
    secret = default(SECRET, {"metadata": {}, "data": {"a": "eA=="}, "stringData": {"b": "é"}})

    assert secret == {"metadata": {}, "type": "Opaque", "data": {"a": "eA==", "b": "w6k="}}


def test_a_namespace_is_labelled_with_its_name():
    namespace = default(NAMESPACE, {"metadata": {"name": "prod", "labels": {"a": "b"}}})

    assert namespace["metadata"]["labels"] == {"a": "b", "kubernetes.io/metadata.name": "prod"}
    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    assert namespace["status"] == {"phase": "Active"}


def test_a_namespace_that_ends_does_not_get_its_finalizer_back():
    namespace = default(NAMESPACE, {"metadata": {"name": "x", "deletionTimestamp": "2024-01-01T00:00:00Z"}})

    assert "finalizers" not in namespace.get("spec", {})


@pytest.mark.parametrize(
    ("kind", "obj", "filled"),
    [
        (
            ENDPOINTS,
            {"subsets": [{"ports": [{"port": 80}]}]},
            {"subsets": [{"ports": [{"port": 80, "protocol": "TCP"}]}]},
        ),
        (
            ENDPOINT_SLICE,
            {"ports": [{"port": 80}]},
            {"ports": [{"port": 80, "name": "", "protocol": "TCP"}], "endpoints": []},
        ),
        (INGRESS, {}, {"spec": {}, "status": {"loadBalancer": {}}}),
        (
            INGRESS_CLASS,
            {"spec": {"parameters": {"kind": "X"}}},
            {"spec": {"parameters": {"kind": "X", "scope": "Cluster"}}},
        ),
        (CONFIG_MAP, {"data": {"a": "b"}}, {"data": {"a": "b"}}),
    ],
    ids=["endpoints", "endpoint-slice", "ingress", "ingress-class", "config-map"],
)
def test_the_other_kinds_are_completed(kind, obj, filled):
    assert default(kind, obj) == filled


def test_nulls_are_as_good_as_absent():
    assert spec_of(SERVICE, {"type": None, "ports": [{"port": 80, "nodePort": None}]})["type"] == "ClusterIP"
    assert without_nulls({"a": None, "b": [{"c": None}], "d": False}) == {"b": [{}], "d": False}


@pytest.mark.parametrize(
    ("spec", "field", "expected"),
    [
        pytest.param({"type": ""}, "type", "ClusterIP", id="type"),
        pytest.param({"sessionAffinity": ""}, "sessionAffinity", "None", id="affinity"),
        pytest.param(
            {"ports": [{"port": 80, "protocol": "", "targetPort": 0, "nodePort": 0}]},
            "ports",
            [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            id="port",
        ),
    ],
)
def test_an_empty_field_of_a_service_says_nothing(spec, field, expected):
    assert spec_of(SERVICE, spec)[field] == expected


def test_a_binding_may_leave_its_groups_empty():
    subject = {"kind": "User", "name": "jane", "apiGroup": ""}
    made = default(ROLE_BINDING, {"roleRef": {"name": "r", "apiGroup": ""}, "subjects": [subject]})

    group = "rbac.authorization.k8s.io"
    assert (made["roleRef"]["apiGroup"], made["subjects"][0]["apiGroup"]) == (group, group)


def test_a_probe_of_zeros_is_the_default_one():
    zeros = dict.fromkeys(("timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"), 0)
    probe = container_of(livenessProbe={"tcpSocket": {"port": 1}, **zeros})["livenessProbe"]

    assert probe == container_of(livenessProbe={"tcpSocket": {"port": 1}})["livenessProbe"]
