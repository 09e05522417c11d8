"""Services: ports, types, addresses, and what may not change."""

import pytest

from netemu.api.kinds import SERVICE


def service(*ports, **spec):
    return {"spec": {"ports": list(ports), **spec}}


HTTP = {"port": 80, "name": "http"}


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(service({"port": 80}), id="one-port-needs-no-name"),
        pytest.param(
            service(HTTP, {"port": 80, "protocol": "UDP", "name": "quic"}), id="one-number-two-protocols"
        ),
        pytest.param(service({"port": 80, "targetPort": "http"}, selector={"app": "web"}), id="named-target"),
        pytest.param(service(clusterIP="None"), id="headless-without-ports"),
        pytest.param(service({"port": 80, "nodePort": 31100}, type="NodePort"), id="node-port"),
        pytest.param(service({"port": 80}, type="LoadBalancer", loadBalancerClass="a/b"), id="load-balancer"),
        pytest.param(
            service({"port": 80}, type="LoadBalancer", loadBalancerSourceRanges=[" 10.0.0.0/8"]), id="ranges"
        ),
        pytest.param(service(type="ExternalName", externalName="db.example.com."), id="external-name"),
        pytest.param(
            service({"port": 80}, clusterIP="10.96.0.7", clusterIPs=["10.96.0.7"]), id="wanted-address"
        ),
        pytest.param(service({"port": 80}, clusterIP="fd00::1", clusterIPs=["fd00::1"]), id="ipv6"),
        pytest.param(service({"port": 80}, sessionAffinity="ClientIP"), id="affinity"),
        pytest.param(service({"port": 80}, externalIPs=["192.0.2.1"]), id="external-ip"),
        pytest.param(service({"port": 80}, trafficDistribution="PreferSameZone"), id="distribution"),
        pytest.param(service({"port": 10250}, type="LoadBalancer"), id="the-kubelets-number"),
        pytest.param(
            service({"port": 80, "nodePort": 31100}, type="ExternalName", externalName="a"),
            id="number-without-meaning",
        ),
    ],
)
def test_these_services_break_no_rule(broken, obj):
    assert broken(SERVICE, obj) == []


@pytest.mark.parametrize(
    ("obj", "field", "words"),
    [
        pytest.param(service(), "ports", "Required value", id="no-ports"),
        pytest.param(service(HTTP, {"port": 81}), "ports[1].name", "Required value", id="no-name"),
        pytest.param(
            service(HTTP, {"port": 81, "name": "http"}),
            "ports[1].name",
            'Duplicate value: "http"',
            id="same-name",
        ),
        pytest.param(
            service(HTTP, {"port": 80, "name": "x"}),
            "ports[1]",
            'Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,',
            id="same-port",
        ),
        pytest.param(
            service({"port": 80, "name": "HTTP"}),
            "ports[0].name",
            'Invalid value: "HTTP": a lowercase RFC 1123 label must consist',
            id="port-name",
        ),
        pytest.param(
            service({"port": 80, "protocol": "tcp"}),
            "ports[0].protocol",
            'Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
            id="protocol",
        ),
        pytest.param(
            service({"port": 80, "targetPort": 70000}),
            "ports[0].targetPort",
            "Invalid value: 70000: must be between",
            id="target-number",
        ),
        pytest.param(
            service({"port": 80, "targetPort": "a--b"}),
            "ports[0].targetPort",
            'Invalid value: "a--b": must not contain consecutive hyphens',
            id="target-name",
        ),
        pytest.param(
            service({"port": 80, "nodePort": 31100}),
            "ports[0].nodePort",
            "Forbidden: may not be used when `type` is 'ClusterIP'",
            id="node-port-of-a-cluster-ip",
        ),
        pytest.param(
            service(
                {**HTTP, "nodePort": 31100}, {"port": 81, "name": "x", "nodePort": 31100}, type="NodePort"
            ),
            "ports[1].nodePort",
            "Duplicate value: 31100",
            id="same-node-port",
        ),
        pytest.param(
            service({"port": 80}, type="Cluster"),
            "type",
            'Unsupported value: "Cluster": supported values: "ClusterIP", "ExternalName", "LoadBalancer", ',
            id="type",
        ),
        pytest.param(
            service({"port": 80}, type="NodePort", clusterIP="None"),
            "clusterIPs[0]",
            "Invalid value: \"None\": may not be set to 'None' for NodePort services",
            id="headless-node-port",
        ),
        pytest.param(service(type="ExternalName"), "externalName", "Required value", id="no-external-name"),
        pytest.param(
            service(type="ExternalName", externalName="a", clusterIP="10.96.0.7"),
            "clusterIPs",
            "Forbidden: may not be set for ExternalName services",
            id="external-name-with-address",
        ),
        pytest.param(
            service({"port": 80}, clusterIP="10.96"),
            "clusterIPs[0]",
            'Invalid value: "10.96": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
            id="address",
        ),
        pytest.param(
            service({"port": 80}, clusterIPs=["10.96.0.7"]),
            "clusterIPs",
            'Invalid value: ["10.96.0.7"]: must be empty when `clusterIP` is not specified',
            id="addresses-alone",
        ),
        pytest.param(
            service({"port": 80}, clusterIP="10.96.0.8", clusterIPs=["10.96.0.7"]),
            "clusterIPs",
            'Invalid value: ["10.96.0.7"]: first value must match `clusterIP`',
            id="addresses-disagree",
        ),
        pytest.param(
            service({"port": 80}, clusterIP="None", clusterIPs=["None", "10.96.0.7"]),
            "clusterIPs",
            'Invalid value: ["None","10.96.0.7"]: \'None\' must be the first and only value',
            id="headless-and-not",
        ),
        pytest.param(
            service({"port": 80}, sessionAffinity="Cookie"),
            "sessionAffinity",
            'Unsupported value: "Cookie": supported values: "ClientIP", "None"',
            id="affinity",
        ),
        pytest.param(
            service(
                {"port": 80},
                sessionAffinity="ClientIP",
                sessionAffinityConfig={"clientIP": {"timeoutSeconds": 86401}},
            ),
            "sessionAffinityConfig.clientIP.timeoutSeconds",
            "Invalid value: 86401: must be greater than 0 and less than 86400",
            id="affinity-timeout",
        ),
        pytest.param(
            service({"port": 80}, externalTrafficPolicy="Local"),
            "externalTrafficPolicy",
            'Invalid value: "Local": may only be set for externally-accessible services',
            id="external-policy",
        ),
        pytest.param(
            service({"port": 80}, internalTrafficPolicy="Node"),
            "internalTrafficPolicy",
            'Unsupported value: "Node": supported values: "Cluster", "Local"',
            id="internal-policy",
        ),
        pytest.param(
            service({"port": 80}, loadBalancerSourceRanges=["10.0.0.0/8"]),
            "LoadBalancerSourceRanges",
            "Forbidden: may only be used when `type` is 'LoadBalancer'",
            id="source-ranges",
        ),
        pytest.param(
            service({"port": 80}, type="LoadBalancer", loadBalancerSourceRanges=[" 10.0.0.0 "]),
            "LoadBalancerSourceRanges[0]",
            'Invalid value: "10.0.0.0": must be a valid CIDR value',
            id="source-range",
        ),
        pytest.param(
            service({"port": 80, "appProtocol": "a b"}),
            "ports[0].appProtocol",
            'Invalid value: "a b": name part must consist of',
            id="app-protocol",
        ),
        pytest.param(
            service({"port": 80}, trafficDistribution=""),
            "trafficDistribution",
            'Unsupported value: "": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
            id="no-distribution",
        ),
        pytest.param(
            service(
                {"port": 80},
                type="ExternalName",
                externalName="a",
                externalTrafficPolicy="Local",
                externalIPs=["192.0.2.1"],
            ),
            "externalTrafficPolicy",
            'Invalid value: "Local": may only be set for externally-accessible services',
            id="policy-of-a-name",
        ),
        pytest.param(
            service({"port": 80}, clusterIP="10.96.0.7", clusterIPs=["10.96.0.7", "10.96.0.8"]),
            "clusterIPs",
            'Invalid value: ["10.96.0.7","10.96.0.8"]: may specify no more than one IP for each IP family',
            id="two-addresses-of-a-family",
        ),
        pytest.param(
            service({"port": 80}, clusterIP="10.96.0.7", clusterIPs=["10.96.0.7", "None"]),
            "clusterIPs[1]",
            'Invalid value: "None": must be a valid IP address',
            id="headless-second",
        ),
        pytest.param(
            service({"port": 80}, ipFamilies=["IPv4", "IPv4"]),
            "ipFamilies[1]",
            'Duplicate value: "IPv4"',
            id="same-family",
        ),
        pytest.param(
            service({"port": 80}, clusterIP="fd01::7", ipFamilies=["IPv4"]),
            "clusterIPs[0]",
            'Invalid value: "fd01::7": expected an IPv4 value as indicated by `ipFamilies[0]`',
            id="address-of-another-family",
        ),
        pytest.param(
            service({"port": 80}, type="LoadBalancer", loadBalancerClass="a b"),
            "loadBalancerClass",
            'Invalid value: "a b": name part must consist of',
            id="class",
        ),
        pytest.param(
            service({"port": 80}, type="LoadBalancer", healthCheckNodePort=31100),
            "healthCheckNodePort",
            "Invalid value: 31100: may only be set when `type` is 'LoadBalancer' and ",
            id="health-check-of-cluster-policy",
        ),
        pytest.param(
            service({"port": 80}, externalIPs=["127.0.0.1"]),
            "externalIPs[0]",
            'Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
            id="external-ip",
        ),
        pytest.param(
            service({"port": 80}, ipFamilyPolicy="Dual"),
            "ipFamilyPolicy",
            'Unsupported value: "Dual": supported values: "PreferDualStack", "RequireDualStack", ',
            id="family-policy",
        ),
        pytest.param(
            service({"port": 80}, selector={"app": "a b"}),
            "selector",
            'Invalid value: "a b": a valid label',
            id="selector",
        ),
    ],
)
def test_a_service_that_breaks_a_rule_is_named(broken, obj, field, words):
    ((found, message),) = broken(SERVICE, obj)

    assert found == f"spec.{field}"
    assert message.startswith(words)


OLD = service({"port": 80}, clusterIP="10.96.0.7", clusterIPs=["10.96.0.7"])


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(service({"port": 80}, clusterIP="10.96.0.8"), id="alone"),
        pytest.param(service({"port": 80}, clusterIP="10.96.0.8", clusterIPs=["10.96.0.8"]), id="both"),
    ],
)
def test_the_cluster_ip_stays(broken, new):
    assert broken(SERVICE, new, OLD) == [
        ("spec.clusterIPs[0]", 'Invalid value: ["10.96.0.8"]: may not change once set')
    ]


def test_a_headless_service_stays_headless(broken):
    new = service({"port": 80}, clusterIP="None")

    assert broken(SERVICE, new, OLD) == [
        ("spec.clusterIPs[0]", 'Invalid value: ["None"]: may not change once set')
    ]


def test_the_cluster_ip_is_not_taken_away(broken):
    assert broken(SERVICE, service({"port": 80}), OLD) == [
        ("spec.clusterIPs[0]", "Invalid value: []: primary clusterIP can not be unset")
    ]


def test_a_service_may_become_an_external_name_and_come_back(broken):
    alias = service(type="ExternalName", externalName="db.example.com")

    assert broken(SERVICE, alias, OLD) == []
    assert broken(SERVICE, OLD, alias) == []


def test_the_default_target_of_a_wrong_port_is_named_too(broken):
    assert broken(SERVICE, service({"port": 0})) == [
        (f"spec.ports[0].{name}", "Invalid value: 0: must be between 1 and 65535, inclusive")
        for name in ("port", "targetPort")
    ]


def test_two_annotations_for_one_thing_must_agree(broken):
    prefix = "service.kubernetes.io/topology"
    noted = {"metadata": {"annotations": {f"{prefix}-aware-hints": "auto", f"{prefix}-mode": "Disabled"}}}

    ((field, words),) = broken(SERVICE, {**service({"port": 80}), **noted})

    assert field == f"metadata.annotations[{prefix}-mode]"
    assert words.endswith(f'"Disabled": must match annotations[{prefix}-aware-hints] when both are specified')


def test_contradictions_of_addresses_are_told_alone(broken):
    wrong = service({"port": 0}, type="NodePort", clusterIP="10.96", ipFamilyPolicy="Dual")

    assert [field for field, _ in broken(SERVICE, wrong)] == ["spec.ipFamilyPolicy", "spec.clusterIPs[0]"]


@pytest.mark.parametrize(
    ("former", "asked"),
    [({"loadBalancerClass": "a/b"}, "c/d"), ({}, "c/d"), ({"loadBalancerClass": "a/b"}, None)],
    ids=["changed", "set", "left-out"],
)
def test_the_class_of_a_load_balancer_stays(broken, former, asked):
    old = service({"port": 80}, type="LoadBalancer", **former)
    new = service({"port": 80}, type="LoadBalancer", **({"loadBalancerClass": asked} if asked else {}))

    assert broken(SERVICE, new, old) == [
        ("spec.loadBalancerClass", f'Invalid value: "{asked or "null"}": may not change once set')
    ]


def test_the_port_of_health_checks_stays_while_it_is_needed(broken):
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    old = service({"port": 80}, **local, healthCheckNodePort=31100)

    ((field, words),) = broken(SERVICE, service({"port": 80}, **local, healthCheckNodePort=31101), old)

    assert field == "spec.healthCheckNodePort"
    assert words == "Forbidden: field is immutable"


def test_source_ranges_may_stand_in_an_annotation(broken):
    key = "service.beta.kubernetes.io/load-balancer-source-ranges"
    noted = {"metadata": {"annotations": {key: "10.0.0.0/8, 10.0.0.1"}}}

    assert broken(SERVICE, {**service({"port": 80}, type="LoadBalancer"), **noted}) == [
        (
            f"metadata.annotations[{key}]",
            'Invalid value: "10.0.0.1": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
        )
    ]


@pytest.mark.parametrize(
    ("point", "field", "words"),
    [
        ({"ip": "10.0.0"}, "ip", 'Invalid value: "10.0.0": must be a valid IP address'),
        ({"ipMode": "VIP"}, "ipMode", "Forbidden: may not be specified when `ip` is not set"),
        (
            {"ip": "192.0.2.1", "ipMode": "X"},
            "ipMode",
            'Unsupported value: "X": supported values: "Proxy", "VIP"',
        ),
        ({"hostname": "a_b"}, "hostname", 'Invalid value: "a_b": a lowercase RFC 1123 subdomain'),
        ({"hostname": "192.0.2.1"}, "hostname", 'Invalid value: "192.0.2.1": must be a DNS name, not an IP'),
    ],
    ids=["address", "mode-of-nothing", "mode", "name", "address-as-name"],
)
def test_a_status_says_where_a_load_balancer_is(broken, point, field, words):
    old = service({"port": 80}, type="LoadBalancer")

    ((found, message),) = broken(SERVICE, {**old, "status": {"loadBalancer": {"ingress": [point]}}}, old)

    assert found == f"status.loadBalancer.ingress[0].{field}"
    assert message.startswith(words)


def test_only_a_load_balancer_is_reached_at_one(broken):
    told = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}

    assert broken(SERVICE, {**OLD, **told}, OLD) == [
        (
            "status.loadBalancer.ingress",
            'Forbidden: may only be used when `spec.type` is "LoadBalancer"',
        )
    ]
