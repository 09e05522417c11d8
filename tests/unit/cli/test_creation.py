"""What ``create``'s words make; compared with what kubectl makes of the same words."""

import base64

import pytest

from netemu.api.kinds import BY_GVK
from netemu.api.schema import check
from netemu.cli import creation
from netemu.cli.resources import UsageError
from netemu.testing import builders


def test_text_and_bytes_of_a_config_map_are_kept_apart():
    made = creation.config_map("c", "ns", {"a": b"text", "b": b"\xff"})

    assert made["metadata"] == {"name": "c", "namespace": "ns"}
    assert (made["data"], made["binaryData"]) == ({"a": "text"}, {"b": "/w=="})


def test_a_secret_is_encoded_and_typed_only_when_it_is_said():
    plain = creation.secret("s", "ns", {"a": b"b"})
    typed = creation.secret("s", "ns", {}, type_="kubernetes.io/tls")

    assert (plain["data"], "type" in plain) == ({"a": "Yg=="}, False)
    assert typed["type"] == "kubernetes.io/tls"


def test_a_registrys_secret_has_both_words_in_one():
    (entry,) = creation.docker_config("reg", "me", "pw", "")["auths"].values()

    assert base64.b64decode(entry["auth"]) == b"me:pw"
    assert "email" not in entry


@pytest.mark.parametrize(
    ("tcp", "port"),
    [
        ("80", {"name": "80", "protocol": "TCP", "port": 80, "targetPort": 80}),
        ("80:8080", {"name": "80-8080", "protocol": "TCP", "port": 80, "targetPort": 8080}),
        ("80:http", {"name": "80-http", "protocol": "TCP", "port": 80, "targetPort": "http"}),
    ],
)
def test_a_services_port_may_lead_elsewhere(tcp, port):
    made = creation.service("web", "ns", "NodePort", tcp=[tcp])

    assert made["spec"] == {"type": "NodePort", "selector": {"app": "web"}, "ports": [port]}
    assert made["metadata"]["labels"] == {"app": "web"}


def test_services_without_ports_are_headless_or_names():
    headless = creation.service("web", "ns", "ClusterIP", tcp=[], address="None")
    name = creation.service("web", "ns", "ExternalName", tcp=[], address="a.test")

    assert headless["spec"]["clusterIP"] == "None"
    assert name["spec"]["externalName"] == "a.test"


@pytest.mark.parametrize("tcp", [[], ["http"], ["80:"]])
def test_a_service_needs_ports_that_are_some(tcp):
    with pytest.raises(UsageError):
        creation.service("web", "ns", "ClusterIP", tcp=tcp)


def test_an_ingress_gathers_rules_by_host():
    made = creation.ingress(
        "i",
        "ns",
        ["a.test/*=web:80,tls=s1", "a.test/x=web:http", "/y*=b:1,tls"],
        class_name="nginx",
        default_backend="d:80",
    )["spec"]
    first, second = made["rules"]

    assert [path["pathType"] for path in first["http"]["paths"]] == ["Prefix", "Exact"]
    assert (first["host"], second["http"]["paths"][0]["path"]) == ("a.test", "/y")
    assert made["tls"] == [{"hosts": ["a.test"], "secretName": "s1"}]
    assert made["defaultBackend"] == {"service": {"name": "d", "port": {"number": 80}}}


@pytest.mark.parametrize("rules", [[], ["a.test"], ["a.test/=web"], ["a.test/x=web:80,cert=x"]])
def test_an_ingress_needs_rules_that_can_be_read(rules):
    with pytest.raises(UsageError):
        creation.ingress("i", "ns", rules)


def test_a_job_of_a_cron_job_is_its_own():
    cron = builders.cron_job()
    cron["metadata"] |= {"namespace": "ns", "uid": "u-1"}
    made = creation.job_from("now", cron)

    assert made["spec"] == cron["spec"]["jobTemplate"]["spec"]
    assert made["metadata"]["annotations"] == {"cronjob.kubernetes.io/instantiate": "manual"}
    assert made["metadata"]["ownerReferences"][0]["uid"] == "u-1"


def test_a_role_has_a_rule_for_each_group():
    made = creation.role("r", "ns", verbs=["get"], resources=["pods", "po/log", "deploy", "*"], names=["a"])

    assert [(rule["apiGroups"], rule["resources"]) for rule in made["rules"]] == [
        ([""], ["pods", "pods/log"]),
        (["apps"], ["deployments"]),
        (["*"], ["*"]),
    ]
    assert made["rules"][0]["resourceNames"] == ["a"]


@pytest.mark.parametrize(("verbs", "resources"), [((), ("pods",)), (("get",), ()), (("get",), ("gadgets",))])
def test_a_role_allows_something(verbs, resources):
    with pytest.raises(UsageError):
        creation.role("r", "ns", verbs=verbs, resources=resources)


def test_a_binding_names_its_subjects():
    made = creation.role_binding("b", "", cluster_role="view", users=["u"], groups=["g"], accounts=["ns:sa"])

    assert made["kind"] == "ClusterRoleBinding"
    assert made["roleRef"]["name"] == "view"
    assert [(one["kind"], one["name"]) for one in made["subjects"]] == [
        ("User", "u"),
        ("Group", "g"),
        ("ServiceAccount", "sa"),
    ]


@pytest.mark.parametrize(
    "words", [{}, {"role_name": "a", "cluster_role": "b"}, {"role_name": "a", "accounts": ["sa"]}]
)
def test_a_binding_has_one_role_and_accounts_with_namespaces(words):
    with pytest.raises(UsageError):
        creation.role_binding("b", "ns", **words)


MADE = [
    creation.config_map("a", "ns", {"k": b"v"}),
    creation.secret("a", "ns", {"k": b"v"}),
    creation.service("a", "ns", "ClusterIP", tcp=["80"]),
    creation.ingress("a", "ns", ["h/*=s:80,tls=t"]),
    creation.job("a", "ns", "busybox", ["date"]),
    creation.cron_job("a", "ns", "busybox", ["date"], schedule="* * * * *", restart=""),
    creation.service_account("a", "ns"),
    creation.role("a", "ns", verbs=["get"], resources=["pods"]),
    creation.role("a", "", verbs=["get"], resources=[], urls=["/healthz"]),
    creation.role_binding("a", "ns", role_name="r", users=["u"]),
]


@pytest.mark.parametrize("obj", MADE, ids=lambda obj: obj["kind"])
def test_every_field_is_one_that_its_kind_has(obj):
    group, _, version = obj["apiVersion"].rpartition("/")

    assert not any(check(BY_GVK[group, version, obj["kind"]], obj))
