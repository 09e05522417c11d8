import pytest

from netemu.agent.environment import ConfigError, container_environment, expand, service_variables
from netemu.api.views import view
from netemu.api.views.core import Pod

OBJECTS = {
    ("ConfigMap", "settings"): {"data": {"COLOUR": "blue"}},
    ("Secret", "key"): {"data": {"TOKEN": "czNjcmV0"}},
}


def environment(env=(), *, raw=None, services=None):
    pod = view(
        Pod,
        {
            "metadata": {"name": "p", "namespace": "ns", "uid": "u", "labels": {"app": "web"}},
            "spec": {"nodeName": "node-1", "containers": [{"name": "c", "env": list(env)}]},
        },
    )
    return container_environment(
        pod,
        pod.spec.containers[0],
        raw or {},
        node_ips=["172.30.0.11", "fd00:172::b"],
        pod_ips=("10.244.0.5", "fd00:244::5"),
        services=services or {},
        lookup=lambda kind, name: OBJECTS.get((kind, name)),
    )


def field(path: str):
    return {"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        pytest.param({"name": "X", "value": "plain"}, "plain", id="literal"),
        pytest.param({"name": "X", "value": "at $(HOSTNAME)"}, "at p", id="earlier-variables"),
        pytest.param(field("status.podIP"), "10.244.0.5", id="pod-ip"),
        pytest.param(field("status.podIPs"), "10.244.0.5,fd00:244::5", id="pod-ips"),
        pytest.param(field("status.hostIP"), "172.30.0.11", id="host-ip"),
        pytest.param(field("status.hostIPs"), "172.30.0.11,fd00:172::b", id="host-ips"),
        pytest.param(field("spec.nodeName"), "node-1", id="node"),
        pytest.param(field("metadata.labels['app']"), "web", id="a-label"),
        pytest.param(
            {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "COLOUR"}}},
            "blue",
            id="config-map",
        ),
        pytest.param(
            {"name": "X", "valueFrom": {"secretKeyRef": {"name": "key", "key": "TOKEN"}}},
            "s3cret",
            id="secret",
        ),
    ],
)
def test_a_variable_has_the_value_of_its_source(variable, expected):
    assert environment([variable])["X"] == expected


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"configMapKeyRef": {"name": "none", "key": "a"}}, 'configmap "none" not found'),
        (
            {"configMapKeyRef": {"name": "settings", "key": "a"}},
            "couldn't find key a in ConfigMap ns/settings",
        ),
        ({"fieldRef": {"fieldPath": "spec.color"}}, "unsupported fieldPath: spec.color"),
    ],
)
def test_a_source_that_is_missing_is_named(source, words):
    with pytest.raises(ConfigError, match=words):
        environment([{"name": "X", "valueFrom": source}])


def test_a_variable_can_be_a_limit_of_its_container():
    source = {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}
    made = environment(
        [{"name": "X", "valueFrom": source}], raw={"resources": {"limits": {"memory": "64Mi"}}}
    )

    assert made["X"] == "64"


def test_an_optional_key_may_be_missing():
    source = {"configMapKeyRef": {"name": "none", "key": "a", "optional": True}}

    assert "X" not in environment([{"name": "X", "valueFrom": source}])


def test_env_from_comes_before_env():
    made = environment(
        [{"name": "P_COLOUR", "value": "red"}],
        raw={"envFrom": [{"prefix": "P_", "configMapRef": {"name": "settings"}}]},
    )

    assert made["P_COLOUR"] == "red"


@pytest.mark.parametrize(
    ("text", "expected"), [("$(A)", "1"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("a$(A)$$", "a1$")]
)
def test_references_are_expanded_as_kubernetes_does(text, expected):
    assert expand(text, {"A": "1"}) == expected


def test_services_are_announced_in_docker_links_form():
    made = service_variables([("redis-primary", "10.0.0.11", [("db", "TCP", 6379)])])

    assert made["REDIS_PRIMARY_SERVICE_HOST"] == "10.0.0.11"
    assert made["REDIS_PRIMARY_SERVICE_PORT_DB"] == "6379"
    assert made["REDIS_PRIMARY_PORT_6379_TCP"] == "tcp://10.0.0.11:6379"
