"""The talk's own manifests, as they are."""

import pytest


@pytest.fixture
def website(cluster, namespace):
    cluster.ok("create", "deployment", "website", "--image", "nginx", "--replicas", "3", "-n", namespace)
    cluster.ok("rollout", "status", "deployment/website", "-n", namespace)
    return namespace


def test_the_service_reaches_the_application(cluster, website, manifests, eventually):
    cluster.apply(manifests / "talk/service-clusterip.yaml", website)
    address = cluster.field(".spec.clusterIP", "service", "website", "-n", website)

    answer = eventually(
        lambda: cluster.inside("shell-1", "curl", "-s", "-m", "5", f"http://{address}/").stdout
    )

    assert f"Namespace: {website}" in answer


def test_the_headless_service_answers_with_every_pod(cluster, website, manifests, eventually):
    cluster.apply(manifests / "talk/service-headless.yaml", website)
    pods = {pod["status"]["podIP"] for pod in cluster.get("pods", "-l", "app=website", "-n", website)}
    name = f"headlesswebsite.{website}.svc.cluster.local"

    answered = eventually(
        lambda: set(cluster.inside("shell-1", "dig", "+short", name).stdout.split()),
        lambda found: len(found) == 3,
    )

    assert answered == pods


def test_the_host_port_answers_on_its_host(cluster, namespace, manifests, eventually):
    cluster.apply(manifests / "talk/pod-hostport.yaml", namespace)
    cluster.wait("condition=Ready", "pod/myhostportpod", "-n", namespace)
    host = cluster.field(".status.hostIP", "pod", "myhostportpod", "-n", namespace)

    answer = eventually(lambda: cluster.on("outside", "curl", "-s", "-m", "5", f"http://{host}:8080/").stdout)

    assert "Pod: myhostportpod" in answer


@pytest.mark.parametrize("node", ["172.30.0.11", "172.30.0.12", "172.30.0.13"])
def test_the_node_port_answers_on_every_node(cluster, website, manifests, eventually, node):
    cluster.apply(manifests / "talk/service-nodeport.yaml", website)

    answer = eventually(
        lambda: cluster.on("outside", "curl", "-s", "-m", "5", f"http://{node}:31100/").stdout
    )

    assert "Pod: website-" in answer
    cluster.ok("delete", "service", "website", "-n", website)


def test_the_load_balancer_gets_an_address_that_outside_reaches_and_its_node_port_works(
    cluster, website, manifests, eventually
):
    cluster.apply(manifests / "talk/service-loadbalancer.yaml", website)
    port = cluster.field(".spec.ports[0].nodePort", "service", "website", "-n", website)
    address = eventually(
        lambda: cluster.field(".status.loadBalancer.ingress[0].ip", "service", "website", "-n", website)
    )

    assert address in cluster.ok("get", "service", "website", "-n", website)
    eventually(lambda: cluster.on("outside", "curl", "-s", "-m", "5", f"http://{address}/").stdout)
    eventually(lambda: cluster.on("outside", "curl", "-s", "-m", "5", f"http://172.30.0.12:{port}/").stdout)


def test_the_ingress_is_stored_and_told_that_nobody_serves_it(cluster, namespace, manifests, eventually):
    cluster.apply(manifests / "talk/ingress.yaml", namespace)

    stored = cluster.get("ingress", "web-ingress", "-n", namespace)
    assert stored["spec"]["rules"][0]["http"]["paths"][0]["path"] == "/engine"
    eventually(lambda: "NoController" in cluster.ok("get", "events", "-n", namespace))


def test_a_service_changes_its_type_in_the_talk_s_order(cluster, website, manifests):
    for manifest in ("clusterip", "nodeport", "loadbalancer", "nodeport", "clusterip"):
        cluster.apply(manifests / f"talk/service-{manifest}.yaml", website)

    service = cluster.get("service", "website", "-n", website)
    assert service["spec"]["type"] == "ClusterIP"
    assert "nodePort" not in service["spec"]["ports"][0]


def test_a_second_pod_for_a_taken_host_port_stays_pending_with_the_reason(
    cluster, namespace, manifests, eventually
):
    cluster.apply(manifests / "talk/pod-hostport.yaml", namespace)
    cluster.wait("condition=Ready", "pod/myhostportpod", "-n", namespace)
    cluster.apply(manifests / "labs/taken-hostport.yaml", namespace)

    eventually(
        lambda: sorted(
            pod["status"]["phase"] for pod in cluster.get("pods", "-l", "app=hostports", "-n", namespace)
        ),
        lambda phases: phases == ["Pending", "Running", "Running"],
    )
    eventually(
        lambda: (
            "didn't have free ports for the requested pod ports"
            in cluster.ok("get", "events", "-n", namespace)
        )
    )
