"""agnhost in pods, asked as Kubernetes' own network tests ask it."""

import json
from urllib.parse import urlencode

import pytest

PODS = ("test-container-pod", "host-test-container-pod", "porter", "dns-test", "grpc", "echo-basic")
TOOLS = {
    "sh": "-c true",
    "curl": "--version",
    "wget": "--version",
    "nc": "-h",
    "dig": "-v",
    "nslookup": "-version",
    "host": "-V",
    "getent": "hosts localhost",
    "ss": "-ltn",
    "ip": "address show eth0",
    "tcpdump": "--version",
    "iperf": "-s -p 6789 -t 1",  # its --version and -h fail
    "iperf3": "--version",
    "conntrack": "--version",
    "python3": "-c 'import socket, ssl, json'",
    "ping": "-c1 127.0.0.1",
}


@pytest.fixture(scope="module")
def kubectl(new_kubectl, manifests):
    new_kubectl.ok("apply", "-f", str(manifests / "tests/agnhost.yaml"))
    new_kubectl.ok("wait", "--for=condition=Ready", "--timeout=120s", *(f"pod/{name}" for name in PODS))
    new_kubectl.ok("rollout", "status", "daemonset/netserver", "--timeout=120s")
    return new_kubectl


@pytest.fixture(scope="module")
def servers(kubectl):
    """The servers' addresses by name."""
    pods = json.loads(kubectl.ok("get", "pods", "-l", "app=netserver", "-o", "json"))["items"]
    return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in pods}


def dialed(kubectl, pod, via, **query):
    """Have a netexec dial, asked from a pod, as DialFromContainer does."""
    target = f"http://{via}/dial?{urlencode(query)}"
    return json.loads(kubectl.ok("exec", pod, "--", "curl", "-g", "-q", "-s", target))


@pytest.mark.parametrize(("protocol", "port"), [("http", 8083), ("udp", 8081)])
def test_pods_reach_each_other_on_every_node(kubectl, servers, protocol, port):
    own = kubectl.read(".status.podIP", "pod", "test-container-pod")
    answers = {
        name: dialed(
            kubectl,
            "test-container-pod",
            f"{own}:9080",
            request="hostname",
            protocol=protocol,
            host=address,
            port=port,
            tries=1,
        )
        for name, address in servers.items()
    }

    assert answers == {name: {"responses": [name]} for name in servers}
    assert len(servers) == 3


@pytest.mark.parametrize(("protocol", "port"), [("http", 80), ("udp", 90)])
def test_a_service_leads_to_all_servers(kubectl, servers, eventually, protocol, port):
    own = kubectl.read(".status.podIP", "pod", "test-container-pod")
    service = kubectl.read(".spec.clusterIP", "service", "node-port-service")
    asked = {"request": "hostName", "protocol": protocol, "host": service, "port": port, "tries": 40}

    def answer():
        return dialed(kubectl, "host-test-container-pod", f"{own}:9080", **asked)

    answered = eventually(answer, lambda seen: "errors" not in seen)
    assert set(answered["responses"]) == set(servers)


def test_a_node_s_network_reaches_pods_over_http_and_udp(kubectl, servers, eventually):
    address = next(iter(servers.values()))
    loop = f"echo hostName | nc -w 1 -u {address} 8081; curl -g -q -s http://{address}:8083/hostName"
    words = ("exec", "host-test-container-pod", "--", "/bin/sh", "-x", "-c", loop)

    eventually(lambda: kubectl.run(*words).stdout, lambda said: said == next(iter(servers)) * 2)


def test_a_played_netexec_runs_commands_in_its_own_container(kubectl):
    own = kubectl.read(".status.podIP", "pod", "test-container-pod")
    told = kubectl.ok(
        "exec", "host-test-container-pod", "--", "curl", "-s", f"http://{own}:9080/shell?cmd=hostname;false"
    )

    assert json.loads(told) == {"output": "test-container-pod\n", "error": "exit status 1"}


def test_results_of_dns_are_read_through_the_api(kubectl, eventually):
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/dns-test/proxy/results"
    found = ("udp@kubernetes.default", "tcp@kubernetes.default.svc", "hosts@dns-test")

    def results():
        return {name: kubectl.run("get", "--raw", f"{path}/{name}").stdout for name in found}

    eventually(results, lambda seen: set(seen.values()) == {"OK\n"})


def test_porter_is_reached_through_the_api_also_over_tls(kubectl):
    pods = f"/api/v1/namespaces/{kubectl.namespace}/pods"

    assert kubectl.ok("get", "--raw", f"{pods}/porter:80/proxy/") == "plain"
    assert kubectl.ok("get", "--raw", f"{pods}/https:porter:443/proxy/") == "secret"


def test_connect_says_one_word_and_fails(kubectl, eventually):
    eventually(lambda: kubectl.read(".status.phase", "pod", "connector"), "Failed".__eq__)
    suffixes, failure = kubectl.ok("logs", "connector").splitlines()

    assert suffixes.startswith(f"{kubectl.namespace}.svc.cluster.local,svc.cluster.local,cluster.local")
    assert failure.startswith("DNS: lookup nobody.default")


def test_images_defaults_and_overrides_are_kubernetes_own(kubectl, eventually):
    eventually(lambda: kubectl.read(".status.phase", "pod", "entrypoint"), "Succeeded".__eq__)

    assert kubectl.ok("logs", "entrypoint") == "[/agnhost-2 entrypoint-tester override arguments]\n"
    assert kubectl.ok("logs", "host-test-container-pod").startswith("Paused\n")


def test_echo_basic_says_what_it_was_asked(kubectl):
    address = kubectl.read(".status.podIP", "pod", "echo-basic")
    said = kubectl.ok("exec", "test-container-pod", "--", "curl", "-s", f"http://{address}:3000/a?b=c")
    document = json.loads(said)

    assert (document["path"], document["pod"], document["namespace"]) == (
        "/a?b=c",
        "echo-basic",
        kubectl.namespace,
    )


def test_every_container_has_the_tools_that_tests_and_people_use(kubectl):
    tries = "\n".join(f"{tool} {words} >/dev/null 2>&1 || echo {tool}" for tool, words in TOOLS.items())

    assert kubectl.ok("exec", "test-container-pod", "--", "sh", "-c", tries) == ""
