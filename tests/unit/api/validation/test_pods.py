"""Pods: what they may be, and what of them may change."""

import pytest

from netemu.api.kinds import POD
from netemu.api.validation import validate

C = {"name": "c", "image": "httpd"}


def pod(*containers, **spec):
    return {"spec": {"containers": list(containers) or [C], **spec}}


def with_c(**fields):
    return pod({**C, **fields})


HTTP = {"httpGet": {"port": 80}}
EVERYTHING = pod(
    {
        **C,
        "ports": [
            {"containerPort": 53, "name": "dns", "protocol": "UDP", "hostPort": 53},
            {"containerPort": 53, "name": "dns-tcp", "hostPort": 53, "hostIP": "192.0.2.1"},
        ],
        "env": [
            {"name": "A", "value": "$(B)"},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "L", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        ],
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}},
        "readinessProbe": HTTP,
        "livenessProbe": {"tcpSocket": {"port": "dns-tcp"}},
        "startupProbe": {"exec": {"command": ["true"]}},
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
    },
    initContainers=[
        {"name": "i", "image": "x"},
        {**C, "name": "s", "restartPolicy": "Always", "livenessProbe": HTTP},
    ],
    volumes=[
        {"name": "v"},
        {"name": "w", "configMap": {"name": "c", "items": [{"key": "a", "path": "b/c"}]}},
    ],
    dnsPolicy="None",
    dnsConfig={"nameservers": ["10.96.0.10"], "options": [{"name": "ndots", "value": "5"}]},
    hostAliases=[{"ip": "192.0.2.1", "hostnames": ["db.example.com"]}],
    hostname="web-0",
    subdomain="web",
    tolerations=[
        {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5},
        {"operator": "Exists"},
    ],
    nodeSelector={"kubernetes.io/hostname": "node-1"},
)


def test_a_pod_that_uses_much_is_valid(broken):
    assert broken(POD, EVERYTHING) == []


def two_ports(**second):
    return with_c(
        ports=[{"containerPort": 80, "name": "http", "hostPort": 8080}, {"containerPort": 81, **second}]
    )


@pytest.mark.parametrize(
    ("obj", "field", "words"),
    [
        pytest.param({"spec": {"containers": []}}, "containers", "Required value", id="no-containers"),
        pytest.param(pod({"image": "x"}), "containers[0].name", "Required value", id="no-name"),
        pytest.param(
            pod({"name": "C", "image": "x"}),
            "containers[0].name",
            'Invalid value: "C": a lowercase',
            id="name",
        ),
        pytest.param(pod(C, C), "containers[1].name", 'Duplicate value: "c"', id="same-name"),
        pytest.param(pod(C, initContainers=[C]), "containers[0].name", 'Duplicate value: "c"', id="init-too"),
        pytest.param(pod({"name": "c"}), "containers[0].image", "Required value", id="no-image"),
        pytest.param(
            pod({"name": "c", "image": " x"}),
            "containers[0].image",
            'Invalid value: " x": must not have leading or trailing whitespace',
            id="image",
        ),
        pytest.param(
            with_c(imagePullPolicy="Sometimes"),
            "containers[0].imagePullPolicy",
            'Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
            id="pull-policy",
        ),
        pytest.param(
            with_c(ports=[{"containerPort": 70000}]),
            "containers[0].ports[0].containerPort",
            "Invalid value: 70000: must be between 1 and 65535, inclusive",
            id="port",
        ),
        pytest.param(
            with_c(ports=[{"name": "x"}]),
            "containers[0].ports[0].containerPort",
            "Required value",
            id="no-port",
        ),
        pytest.param(
            with_c(ports=[{"containerPort": 80, "protocol": "tcp"}]),
            "containers[0].ports[0].protocol",
            'Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
            id="protocol",
        ),
        pytest.param(
            two_ports(name="http"), "containers[0].ports[1].name", 'Duplicate value: "http"', id="port-name"
        ),
        pytest.param(
            two_ports(hostPort=8080),
            "containers[0].ports[1].hostPort",
            'Duplicate value: "TCP//8080"',
            id="host-port",
        ),
        pytest.param(
            two_ports(hostPort=1, hostIP="x"),
            "containers[0].ports[1].hostIP",
            'Invalid value: "x": must be a valid IP address',
            id="host-ip",
        ),
        pytest.param(
            pod({**C, "ports": [{"containerPort": 80, "hostPort": 81}]}, hostNetwork=True),
            "containers[0].ports[0].containerPort",
            "Invalid value: 80: must match `hostPort` when `hostNetwork` is true",
            id="host-network",
        ),
        pytest.param(
            with_c(env=[{"value": "x"}]), "containers[0].env[0].name", "Required value", id="env-name"
        ),
        pytest.param(
            with_c(env=[{"name": "A=B"}]),
            "containers[0].env[0].name",
            'Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII',
            id="env-equals",
        ),
        pytest.param(
            with_c(env=[{"name": "A", "valueFrom": {}}]),
            "containers[0].env[0].valueFrom",
            "Invalid value: {}: must specify one of: `fieldRef`",
            id="env-source",
        ),
        pytest.param(
            with_c(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]),
            "containers[0].env[0].valueFrom.fieldRef.fieldPath",
            'Unsupported value: "spec.x": supported values: "metadata.name"',
            id="env-field",
        ),
        pytest.param(
            with_c(env=[{"name": "A", "value": "x", "valueFrom": {"configMapKeyRef": {"key": "k"}}}]),
            "containers[0].env[0].valueFrom",
            'Invalid value: {"configMapKeyRef":{"key":"k"}}: may not be specified when `value` is not empty',
            id="env-both",
        ),
        pytest.param(
            with_c(volumeMounts=[{"name": "v", "mountPath": "/"}]),
            "containers[0].volumeMounts[0].name",
            'Not found: "v"',
            id="mount",
        ),
        pytest.param(
            with_c(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "1500m"}}),
            "containers[0].resources.requests",
            'Invalid value: "1500m": must be less than or equal to cpu limit of 1',
            id="requests",
        ),
        pytest.param(
            with_c(resources={"requests": {"cpu": "-1"}}),
            "containers[0].resources.requests.cpu",
            'Invalid value: "-1": must be greater than or equal to 0',
            id="negative",
        ),
        pytest.param(
            with_c(readinessProbe={}),
            "containers[0].readinessProbe",
            "Required value: must specify a handler type",
            id="probe",
        ),
        pytest.param(
            with_c(livenessProbe={**HTTP, "successThreshold": 2}),
            "containers[0].livenessProbe.successThreshold",
            "Invalid value: 2: must be 1",
            id="liveness",
        ),
        pytest.param(
            with_c(readinessProbe={**HTTP, "exec": {"command": ["x"]}}),
            "containers[0].readinessProbe.httpGet",
            "Forbidden: may not specify more than 1 handler type",
            id="two-handlers",
        ),
        pytest.param(
            with_c(readinessProbe={"httpGet": {"port": 0}}),
            "containers[0].readinessProbe.httpGet.port",
            "Invalid value: 0: must be between",
            id="probe-port",
        ),
        pytest.param(
            with_c(lifecycle={"preStop": {"exec": {}}}),
            "containers[0].lifecycle.preStop.exec.command",
            "Required value",
            id="hook",
        ),
        pytest.param(
            pod(C, initContainers=[{"name": "i", "image": "x", "readinessProbe": HTTP}]),
            "initContainers[0].readinessProbe",
            "Forbidden: may not be set for init containers without restartPolicy=Always",
            id="init-probe",
        ),
        pytest.param(
            pod(restartPolicy="Sometimes"),
            "restartPolicy",
            'Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
            id="restart-policy",
        ),
        pytest.param(
            pod(dnsPolicy="None"),
            "dnsConfig.nameservers",
            "Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
            id="dns",
        ),
        pytest.param(
            pod(dnsConfig={"nameservers": ["dns"]}),
            "dnsConfig.nameservers[0]",
            'Invalid value: "dns": must be a valid IP address',
            id="nameserver",
        ),
        pytest.param(
            pod(dnsConfig={"nameservers": ["192.0.2.1"] * 4}),
            "dnsConfig.nameservers",
            'Invalid value: ["192.0.2.1","192.0.2.1","192.0.2.1","192.0.2.1"]: must not have more than 3',
            id="nameservers",
        ),
        pytest.param(
            pod(securityContext={"sysctls": [{"name": "a/b.c"}, {"name": "foo-"}]}),
            "securityContext.sysctls[1].name",
            'Invalid value: "foo-": must have at most 253 characters and match regex',
            id="sysctl",
        ),
        pytest.param(
            pod(hostAliases=[{"ip": "x"}]),
            "hostAliases[0].ip",
            'Invalid value: "x": must be a valid IP',
            id="alias",
        ),
        pytest.param(
            pod(hostname="a.b"), "hostname", 'Invalid value: "a.b": a lowercase RFC 1123 label', id="hostname"
        ),
        pytest.param(
            pod(terminationGracePeriodSeconds=-1),
            "terminationGracePeriodSeconds",
            "Invalid value: -1: must be greater than or equal to 0",
            id="grace",
        ),
        pytest.param(
            pod(activeDeadlineSeconds=0),
            "activeDeadlineSeconds",
            "Invalid value: 0: must be between 1",
            id="deadline",
        ),
        pytest.param(
            pod(tolerations=[{"operator": "Equal"}]),
            "tolerations[0].operator",
            'Invalid value: "Equal": operator must be Exists when `key` is empty',
            id="toleration",
        ),
        pytest.param(
            pod(tolerations=[{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 1}]),
            "tolerations[0].effect",
            "Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
            id="toleration-seconds",
        ),
        pytest.param(
            pod(volumes=[{"name": "v"}, {"name": "v"}]),
            "volumes[1].name",
            'Duplicate value: "v"',
            id="volume-name",
        ),
        pytest.param(
            pod(volumes=[{"name": "v", "secret": {}}]),
            "volumes[0].secret.secretName",
            "Required value",
            id="secret",
        ),
        pytest.param(
            pod(volumes=[{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}]),
            "volumes[0].secret",
            "Forbidden: may not specify more than 1 volume type",
            id="two-sources",
        ),
        pytest.param(
            pod(volumes=[{"name": "v", "configMap": {"name": "c", "items": [{"key": "a", "path": "../x"}]}}]),
            "volumes[0].configMap.items[0].path",
            "Invalid value: \"../x\": must not contain '..'",
            id="path-outside",
        ),
        pytest.param(
            pod(ephemeralContainers=[C]),
            "ephemeralContainers",
            "Forbidden: cannot be set on create",
            id="ephemeral",
        ),
    ],
)
def test_a_pod_that_breaks_a_rule_is_named(broken, obj, field, words):
    ((found, message),) = broken(POD, obj)

    assert found == f"spec.{field}"
    assert message.startswith(words)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(with_c(image="httpd:2"), id="image"),
        pytest.param(pod(terminationGracePeriodSeconds=5), id="grace-period"),
        pytest.param(pod(activeDeadlineSeconds=5), id="deadline"),
        pytest.param(pod(tolerations=[{"key": "new", "operator": "Exists"}]), id="more-tolerations"),
        pytest.param({**pod(), "metadata": {"labels": {"a": "b"}}}, id="labels"),
    ],
)
def test_this_of_a_pod_may_change(broken, changed):
    old = with_c(imagePullPolicy="Always")
    changed["spec"]["containers"][0]["imagePullPolicy"] = "Always"

    assert broken(POD, changed, old) == []


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        (pod(nodeName="node-1"), 'spec.nodeName: null may not become "node-1"'),
        (pod(hostNetwork=True), "spec.hostNetwork: null may not become true"),
        (with_c(command=["x"]), 'spec.containers[0].command: null may not become ["x"]'),
    ],
)
def test_the_rest_of_a_pod_stays_and_the_difference_is_shown(broken, changed, difference):
    ((field, message),) = broken(POD, changed, pod())

    assert field == "spec"
    assert message.startswith(
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`"
    )
    assert message.endswith(f"\n  {difference}")


def test_containers_are_neither_added_nor_removed(broken):
    assert broken(POD, pod(C, {**C, "name": "d"}), pod()) == [
        ("spec.containers", "Forbidden: pod updates may not add or remove containers")
    ]


def test_tolerations_are_not_taken_away(broken):
    old = pod(tolerations=[{"key": "a", "operator": "Exists"}])

    ((field, message),) = broken(POD, pod(), old)

    assert field == "spec.tolerations"
    assert message.startswith("Forbidden: existing toleration can not be modified")


def test_scheduling_gates_are_only_taken_away(broken):
    gated = pod(schedulingGates=[{"name": "a"}])

    assert broken(POD, pod(), gated) == []
    assert [field for field, _ in broken(POD, gated, pod())] == ["spec.schedulingGates"]


def test_an_unchanged_spec_is_not_checked_again():
    stored = {"metadata": {"name": "p", "namespace": "a"}, "spec": {"made": "by an older version"}}

    assert validate(POD, stored, stored) == ()


@pytest.mark.parametrize(("own", "refused"), [(False, ["hostIPC", "hostNetwork", "hostPID"]), (True, [])])
def test_a_pod_with_users_of_its_own_has_nothing_of_its_node(own, refused):
    shared = pod(hostUsers=own, hostPID=True, hostIPC=True, hostNetwork=True)
    causes = [each for each in validate(POD, shared) if "hostUsers" in each.message]

    assert sorted(each.field for each in causes) == [f"spec.{name}" for name in refused]
    assert {each.message for each in causes} <= {"Forbidden: when `hostUsers` is false"}
