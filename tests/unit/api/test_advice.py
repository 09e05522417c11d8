"""What is said of objects that are taken all the same."""

import pytest

from netemu.api.advice import advice
from netemu.api.kinds import CONFIG_MAP, INGRESS, SERVICE
from netemu.testing import builders

EXTERNAL = ["203.0.113.1"]
CANONICAL = "should be in RFC 5952 canonical format"
HINTS = {"service.kubernetes.io/topology-aware-hints": "auto"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param({}, (), id="nothing"),
        pytest.param(
            {"type": "NodePort", "externalIPs": EXTERNAL},
            ("spec.externalIPs is deprecated and may no longer be implemented in some clusters",),
            id="external-ips",
        ),
        pytest.param(
            {"type": "ExternalName", "externalName": "a.b", "externalIPs": EXTERNAL},
            ('spec.externalIPs is ignored when spec.type is "ExternalName"',),
            id="external-ips-of-an-alias",
        ),
        pytest.param(
            {
                "clusterIP": "None",
                "type": "ClusterIP",
                "externalIPs": EXTERNAL,
                "sessionAffinity": "ClientIP",
            },
            (
                "spec.externalIPs is ignored for headless services",
                "spec.SessionAffinity is ignored for headless services",
            ),
            id="headless",
        ),
        pytest.param(
            {"clusterIP": "None", "type": "ClusterIP", "loadBalancerIP": "192.0.2.1"},
            ("spec.loadBalancerIP is ignored for headless services",),
            id="headless-with-a-balancer's-address",
        ),
        pytest.param(
            {"type": "ClusterIP", "externalName": "a.b"},
            ('spec.externalName is ignored when spec.type is not "ExternalName"',),
            id="name-of-no-alias",
        ),
        pytest.param(
            {"trafficDistribution": "PreferClose"},
            ('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',),
            id="prefer-close",
        ),
        pytest.param(
            {"clusterIP": "FD00::1", "clusterIPs": ["FD00::1"]},
            (f'spec.clusterIPs[0]: IPv6 address "FD00::1" {CANONICAL} ("fd00::1")',),
            id="upper-case",
        ),
        pytest.param(
            {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8", "FD00::/8", "x"]},
            (f'spec.loadBalancerSourceRanges[1]: IPv6 CIDR value "FD00::/8" {CANONICAL} ("fd00::/8")',),
            id="upper-case-range",
        ),
    ],
)
def test_a_service_s_writer_is_told(spec, said):
    assert advice(SERVICE, builders.service(**spec)) == said


def test_annotations_of_old_are_named():
    service = builders.service()
    service["metadata"]["annotations"] = HINTS
    ingress = builders.ingress("web")
    ingress["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "nginx"}

    assert [text.split(" is deprecated")[0] for text in advice(SERVICE, service)] == [
        f"annotation {next(iter(HINTS))}"
    ]
    (said,) = advice(INGRESS, ingress)
    assert said.endswith("is deprecated, please use 'spec.ingressClassName' instead")


def test_other_kinds_are_taken_without_a_word():
    assert advice(CONFIG_MAP, {"metadata": {"name": "x"}}) == ()
