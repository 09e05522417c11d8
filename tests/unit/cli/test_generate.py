"""Objects that commands make."""

import pytest

from netemu.api import schema
from netemu.api.kinds import DEPLOYMENT, NAMESPACE, NODE, POD, SERVICE
from netemu.cli import generate
from netemu.cli.generate import ServiceOptions
from netemu.cli.resources import UsageError

WEB = generate.deployment(
    "web", "default", "registry.example/team/nginx:1.27", replicas=3, port=80, command=()
)


@pytest.mark.parametrize(
    ("kind", "obj"),
    [
        (DEPLOYMENT, WEB),
        (NAMESPACE, generate.namespace("shop")),
        (POD, generate.pod("p", "default", "busybox", env={"A": "b"}, words=["sleep", "1"], is_command=True)),
        (SERVICE, generate.service(DEPLOYMENT, WEB, ServiceOptions(type="NodePort"))),
    ],
    ids=lambda value: value.kind if hasattr(value, "kind") else "",
)
def test_what_is_made_has_the_published_shape(kind, obj):
    findings = schema.check(kind, obj)

    assert (findings.unknown, findings.wrong) == ((), ())


def test_a_container_is_named_after_its_image():
    assert WEB["spec"]["template"]["spec"]["containers"] == [
        {"name": "nginx", "image": "registry.example/team/nginx:1.27", "ports": [{"containerPort": 80}]}
    ]


def test_a_service_takes_selector_and_ports_from_what_it_exposes():
    made = generate.service(DEPLOYMENT, WEB, ServiceOptions(name="front", port=8080, target_port="http"))

    assert made["metadata"]["name"] == "front"
    assert made["spec"] == {
        "selector": {"app": "web"},
        "ports": [{"port": 8080, "protocol": "TCP", "targetPort": "http"}],
    }


def test_a_pod_may_bring_its_service():
    made = generate.service_of_pod(generate.pod("web", "shop", "nginx", port=80))

    assert made["metadata"] == {"name": "web", "namespace": "shop", "labels": {"run": "web"}}
    assert made["spec"] == {
        "selector": {"run": "web"},
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
    }


def test_a_pod_without_a_port_has_no_service():
    with pytest.raises(UsageError, match="--port must be set when exposing a service"):
        generate.service_of_pod(generate.pod("web", "shop", "nginx"))


def test_several_ports_get_names():
    pod = generate.pod("p", "default", "x")
    pod["spec"]["containers"][0]["ports"] = [{"containerPort": 80}, {"containerPort": 443}]

    made = generate.service(POD, pod, ServiceOptions())

    assert [port["name"] for port in made["spec"]["ports"]] == ["port-80", "port-443"]


def test_a_headless_service_of_a_service():
    service = generate.service(DEPLOYMENT, WEB, ServiceOptions())

    made = generate.service(SERVICE, service, ServiceOptions(name="h", cluster_ip="None"))

    assert made["spec"]["clusterIP"] == "None"
    assert made["spec"]["selector"] == {"app": "web"}


@pytest.mark.parametrize(
    ("kind", "obj"),
    [
        pytest.param(NODE, {"metadata": {"name": "n"}, "spec": {}}, id="kind"),
        pytest.param(POD, {"metadata": {"name": "p"}, "spec": {"containers": [{}]}}, id="no-labels"),
    ],
)
def test_what_cannot_be_exposed_is_refused(kind, obj):
    with pytest.raises(UsageError):
        generate.service(kind, obj, ServiceOptions(port=80))


def test_without_any_port_there_is_nothing_to_expose():
    with pytest.raises(UsageError, match="--port"):
        generate.service(POD, generate.pod("p", "default", "x"), ServiceOptions())


def test_pairs_are_read():
    assert generate.parse_pairs(["a=b,c=d", "e="]) == {"a": "b", "c": "d", "e": ""}
    with pytest.raises(UsageError, match="unexpected label"):
        generate.parse_pairs(["a"])
