"""Names, asked for as programs in pods ask."""

import pytest


@pytest.fixture(scope="module")
def dig(cluster):
    def ask(*words, shell="shell-1"):
        done = cluster.inside(shell, "dig", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return ask


@pytest.fixture(scope="module")
def pods(cluster):
    return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in cluster.get("pods", "-l", "app=web")}


def _status(answer):
    return answer.split("status: ")[1].split(",")[0]


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize("shell", ["shell-1", "shell-2", "shell-3"])
def test_a_service_has_the_address_of_its_cluster_ip(cluster, dig, transport, shell):
    address = cluster.field(".spec.clusterIP", "service", "web")

    assert dig("+short", transport, "web.default.svc.cluster.local", shell=shell) == f"{address}\n"


def test_a_headless_service_has_all_endpoints(dig, pods):
    assert set(dig("+short", "web-headless.default.svc.cluster.local").split()) == set(pods.values())


def test_a_named_port_has_a_service_record(dig):
    answer = dig("+short", "SRV", "_http._tcp.web.default.svc.cluster.local")

    assert answer.split() == ["0", "100", "80", "web.default.svc.cluster.local."]


def test_a_headless_named_port_has_one_for_each_endpoint(dig):
    lines = dig("+short", "SRV", "_http._tcp.web-headless.default.svc.cluster.local").splitlines()

    assert len(lines) == 3
    assert {line.split()[2] for line in lines} == {"8080"}


def test_an_address_has_a_name(cluster, dig):
    address = cluster.field(".spec.clusterIP", "service", "web")

    assert dig("+short", "-x", address) == "web.default.svc.cluster.local.\n"


def test_a_name_that_does_not_exist_is_nxdomain(dig):
    assert _status(dig("none.default.svc.cluster.local")) == "NXDOMAIN"


def test_a_name_without_such_records_is_no_data(dig):
    answer = dig("AAAA", "web.default.svc.cluster.local")

    assert _status(answer) == "NOERROR"
    assert "ANSWER: 0" in answer


def test_the_cluster_s_dns_is_the_tenth_address(dig):
    assert dig("+short", "kube-dns.kube-system.svc.cluster.local") == "10.96.0.10\n"


@pytest.mark.parametrize("name", ["web", "web.default", "web.default.svc", "web.default.svc.cluster.local"])
def test_short_names_are_completed(cluster, name):
    done = cluster.inside("shell-2", "curl", "-s", "--max-time", "20", f"http://{name}/")

    assert "Pod: web-" in done.stdout


def test_a_stateful_set_s_pods_have_names_of_their_own(cluster, dig, manifests, eventually):
    cluster.apply(manifests / "labs/kafka.yaml")
    try:
        cluster.ok("rollout", "status", "statefulset/kafka", "-n", "mynamespace")
        address = cluster.field(".status.podIP", "pod", "kafka-1", "-n", "mynamespace")

        eventually(lambda: dig("+short", "kafka-1.kafka.mynamespace.svc.cluster.local") == f"{address}\n")

        hostname = cluster.inside("kafka-1", "hostname", "-f", namespace="mynamespace").stdout
        assert hostname == "kafka-1.kafka.mynamespace.svc.cluster.local\n"
    finally:
        cluster.ok("delete", "namespace", "mynamespace")


def test_an_external_name_is_an_alias(cluster, dig, manifests, namespace, eventually):
    cluster.apply(manifests / "labs/external-name.yaml", namespace)

    eventually(
        lambda: dig("+short", "CNAME", f"elsewhere.{namespace}.svc.cluster.local"),
        lambda answer: answer == "website.default.svc.cluster.local.\n",
    )


def test_a_pod_s_files_say_who_it_is(cluster):
    address = cluster.field(".status.podIP", "pod", "shell-1")

    assert cluster.inside("shell-1", "cat", "/etc/hostname").stdout == "shell-1\n"
    assert f"{address}\tshell-1\n" in cluster.inside("shell-1", "cat", "/etc/hosts").stdout
    resolver = cluster.inside("shell-1", "cat", "/etc/resolv.conf").stdout
    assert "nameserver 10.96.0.10\n" in resolver
    assert "search default.svc.cluster.local svc.cluster.local cluster.local" in resolver
    assert "options ndots:5" in resolver


def test_answers_change_with_the_service(cluster, dig, namespace, eventually):
    name = f"late.{namespace}.svc.cluster.local"
    assert _status(dig(name)) == "NXDOMAIN"

    cluster.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: late}\nspec: {ports: [{port: 80}]}", namespace
    )
    address = cluster.field(".spec.clusterIP", "service", "late", "-n", namespace)

    eventually(lambda: dig("+short", name) == f"{address}\n")
    cluster.ok("delete", "service", "late", "-n", namespace)
    eventually(lambda: _status(dig(name)) == "NXDOMAIN")
