"""What the demo plays: Parts 1 to 4 of the talk, as commands and what their output must show.

``<name>`` in a command, a pattern or a sentence stands for what an earlier step captured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TALK = "tests/e2e/manifests/talk"
LABS = "tests/e2e/manifests/labs"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command, and what it shows.

    ``expect`` and ``absent`` are regular expressions over lines; ``captures`` maps a name to one
    with a group. With ``within_s`` the command is repeated until its output is as it should be.
    """

    command: str
    shows: str
    expect: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    captures: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    within_s: float = 0.0
    lines: int = 24


_WAIT_READY = "netemu wait --for=condition=Ready --timeout=60s"

PODS = (
    Step(
        command="netemu up --cni none",
        shows="A cluster of three nodes without a network for its pods: no CNI plugin is installed.",
    ),
    Step(
        command="netemu get nodes -o wide",
        shows="Every node is registered and has an address of the hosts range, but none is Ready.",
        expect=(r"^node-1 +NotReady", r"^node-2 +NotReady", r"^node-3 +NotReady", r"172\.30\.0\.11"),
    ),
    Step(
        command="netemu get node node-1 -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].message}'",
        shows="The node says why: pod networking is the CNI plugin's work, and there is none.",
        expect=("cni plugin not initialized",),
    ),
    Step(
        command="netemu run hello --image whoami --port 80",
        shows="A pod can be created all the same.",
        expect=("pod/hello created",),
    ),
    Step(
        command="netemu get pod hello",
        shows="It waits in ContainerCreating: without a network its containers cannot start.",
        expect=(r"^hello +0/1 +ContainerCreating",),
        within_s=20,
    ),
    Step(
        command="netemu describe pod hello",
        shows="Its events name the reason.",
        expect=(r"NetworkNotReady|FailedCreatePodSandBox", "cni plugin not initialized"),
        within_s=20,
        lines=60,
    ),
    Step(
        command="netemu cni install",
        shows="A CNI configuration list in every node's /etc/cni/net.d installs the plugin.",
        expect=("node-1: /etc/cni/net.d/10-netemu.conflist written",),
    ),
    Step(
        command="netemu node exec node-1 -- cat /etc/cni/net.d/10-netemu.conflist",
        shows="It names the plugins to run for each pod, and this node's pod range.",
        expect=("netemu-bridge", "netemu-ipam", r"10\.244\."),
        lines=40,
    ),
    Step(
        command=f"{_WAIT_READY} nodes --all",
        shows="Now the nodes are Ready …",
        expect=("node/node-3 condition met",),
    ),
    Step(
        command=f"{_WAIT_READY} pod/hello",
        shows="… and the pod that waited runs.",
        expect=("pod/hello condition met",),
    ),
    Step(
        command="netemu exec hello -- ip addr",
        shows="A network namespace has its own IP stack: lo, and eth0 with the pod's own address.",
        expect=(r"\blo:", r"\beth0@", r"inet 10\.244\."),
    ),
    Step(
        command="netemu exec hello -- ip route",
        shows="Its own routes, too: everything leaves through the node's bridge.",
        expect=(r"^default via 10\.244\.\d+\.1 dev eth0",),
    ),
    Step(
        command=f"netemu apply -f {LABS}/one-network.yaml",
        shows="A pod with two containers.",
        expect=("pod/pair created",),
    ),
    Step(command=f"{_WAIT_READY} pod/pair", shows="Both run.", expect=("condition met",)),
    Step(
        command="netemu exec pair -c web -- readlink /proc/self/ns/net /proc/self/ns/pid",
        shows="The namespaces of the first container …",
        captures={"net": r"^(net:\[\d+\])", "pid": r"^(pid:\[\d+\])"},
    ),
    Step(
        command="netemu exec pair -c client -- readlink /proc/self/ns/net /proc/self/ns/pid",
        shows="… and of the second: the same network, other processes.",
        expect=("<net>",),
        absent=("<pid>",),
    ),
    Step(
        command="netemu exec pair -c client -- curl -sS http://localhost/",
        shows="So they talk over localhost with nothing in between.",
        expect=("pair", r"127\.0\.0\.1"),
    ),
    Step(
        command=f"netemu apply -f {LABS}/two-nodes.yaml",
        shows="Two pods, on two nodes.",
        expect=("pod/client created", "pod/server created"),
    ),
    Step(command=f"{_WAIT_READY} pod/client pod/server", shows="Both run.", expect=("server condition met",)),
    Step(
        command="netemu get pods client server -o wide",
        shows="Every pod has a unique address.",
        captures={
            "client_ip": r"^client .* (10\.244\.\d+\.\d+) +node-1",
            "server_ip": r"^server .* (10\.244\.\d+\.\d+) +node-2",
        },
    ),
    Step(
        command="netemu exec client -- curl -sS http://<server_ip>/",
        shows="Pods of different nodes reach each other without NAT: the server sees <client_ip> itself.",
        expect=("<client_ip>",),
    ),
)

SERVICES = (
    Step(
        command="netemu create deployment website --image nginx --port 80 --replicas 3",
        shows="Lab 2: an application with three pods.",
        expect=("deployment.apps/website created",),
    ),
    Step(
        command="netemu rollout status deployment/website",
        shows="All of them run.",
        expect=('deployment "website" successfully rolled out',),
    ),
    Step(
        command=f"netemu apply -f {TALK}/service-clusterip.yaml",
        shows="The talk's Service: a name, a port to listen on, a selector.",
        expect=("service/website created",),
    ),
    Step(
        command="netemu get service website -o wide",
        shows="It has an address of the services range that belongs to no machine and no pod.",
        expect=(r"ClusterIP +10\.96\.",),
        captures={"cluster_ip": r"^website +ClusterIP +(\S+)"},
    ),
    Step(
        command="netemu get endpointslices -l kubernetes.io/service-name=website",
        shows="Its endpoints came from the selector: the three pods.",
        expect=(r"10\.244\..*10\.244\..*10\.244\.",),
        within_s=10,
    ),
    Step(
        command="netemu node exec node-1 -- nft list map ip netemu-proxy fe",
        shows="On every node, kube-proxy's work: the Service's address and port in an nftables map.",
        expect=(r"<cluster_ip> \. (tcp|6) \. (80|http)",),
        within_s=10,
    ),
    Step(
        command="netemu exec client -- curl -sS http://<cluster_ip>/",
        shows="A connection to that address ends in one of the pods.",
        expect=("website-",),
        within_s=10,
    ),
    Step(
        command="netemu scale deployment/website --replicas 0",
        shows="Take all pods away …",
        expect=("deployment.apps/website scaled",),
    ),
    Step(
        command="netemu exec client -- curl -sS --max-time 3 http://<cluster_ip>/",
        shows="… and the connection is refused, not lost.",
        expect=("Connection refused|Failed to connect|Couldn't connect",),
        status=7,
        within_s=20,
    ),
    Step(
        command="netemu scale deployment/website --replicas 3",
        shows="Three pods again.",
        expect=("deployment.apps/website scaled",),
    ),
    Step(
        command="netemu rollout status deployment/website",
        shows="They run.",
        expect=("successfully rolled out",),
    ),
    Step(
        command=f"netemu apply -f {LABS}/by-hand.yaml",
        shows="Endpoints can be written by hand, for destinations that are no pods.",
        expect=("service/by-hand created", "endpointslice.discovery.k8s.io/by-hand-1 created"),
    ),
    Step(
        command="netemu describe service by-hand",
        shows="This one sends to a port of node-1.",
        expect=(r"Endpoints: +172\.30\.0\.11:8080",),
    ),
    Step(
        command="netemu status",
        shows="Hosts, pods and ClusterIPs: three ranges that do not overlap.",
        expect=(r"hosts 172\.30\.0\.0/16, pods 10\.244\.0\.0/16, services 10\.96\.0\.0/16",),
        lines=40,
    ),
)

DNS = (
    Step(
        command="netemu exec client -- cat /etc/resolv.conf",
        shows="Every container is told where to ask, and which suffixes to try.",
        expect=(
            r"nameserver 10\.96\.0\.10",
            r"search default\.svc\.cluster\.local svc\.cluster\.local",
            "ndots:5",
        ),
    ),
    Step(
        command="netemu exec client -- cat /etc/hostname /etc/hosts",
        shows="Its own name is in its files.",
        expect=("^client$", r"<client_ip>\s+client"),
    ),
    Step(
        command="netemu get deployment,service -n kube-system",
        shows="The DNS server is a Deployment of two pods behind the ClusterIP 10.96.0.10.",
        expect=(r"coredns +2/2", r"kube-dns +ClusterIP +10\.96\.0\.10"),
        within_s=20,
    ),
    Step(
        command="netemu exec client -- dig +short website.default.svc.cluster.local",
        shows="Service, namespace, svc, the cluster's domain: the name of the ClusterIP.",
        expect=("^<cluster_ip>$",),
        within_s=20,
    ),
    Step(
        command="netemu exec client -- curl -sS http://website/",
        shows="Within the namespace the short name is enough.",
        expect=("website-",),
        within_s=10,
    ),
    Step(
        command=f"netemu apply -f {TALK}/service-headless.yaml",
        shows="The talk's headless Service, over the same pods.",
        expect=("service/headlesswebsite created",),
    ),
    Step(
        command="netemu exec client -- dig +short headlesswebsite.default.svc.cluster.local",
        shows="It has no address of its own: DNS answers with all endpoints.",
        expect=(r"10\.244\.\d+\.\d+\n10\.244\.\d+\.\d+\n10\.244\.\d+\.\d+",),
        within_s=10,
    ),
    Step(
        command=f"netemu apply -f {LABS}/kafka.yaml",
        shows="A StatefulSet behind a headless Service.",
        expect=("statefulset.apps/kafka created",),
    ),
    Step(
        command="netemu rollout status statefulset/kafka -n mynamespace",
        shows="Its pods start one after the other.",
        expect=("partitioned roll out complete: 3 new pods have been updated",),
    ),
    Step(
        command="netemu get pod kafka-1 -n mynamespace -o wide",
        shows="Each has an identity …",
        captures={"kafka_ip": r"^kafka-1 .* (10\.244\.\d+\.\d+) "},
    ),
    Step(
        command="netemu exec client -- dig +short kafka-1.kafka.mynamespace.svc.cluster.local",
        shows="… and a name of its own.",
        expect=("^<kafka_ip>$",),
        within_s=10,
    ),
)

OUTSIDE = (
    Step(
        command=f"netemu apply -f {TALK}/pod-hostport.yaml",
        shows="The talk's pod with a HostPort.",
        expect=("pod/myhostportpod created",),
    ),
    Step(command=f"{_WAIT_READY} pod/myhostportpod", shows="It runs.", expect=("condition met",)),
    Step(
        command="netemu get pod myhostportpod -o jsonpath='{.status.hostIP}'",
        shows="This is the node that it runs on.",
        captures={"host_ip": r"^(172\.30\.0\.\d+)$"},
    ),
    Step(
        command="netemu node exec outside -- curl -sS http://<host_ip>:8080/",
        shows="`outside` is no part of the cluster: it reaches the pod through its host's port 8080.",
        expect=("myhostportpod",),
        within_s=10,
    ),
    Step(
        command=f"netemu apply -f {LABS}/taken-hostport.yaml",
        shows="Three more pods that want this port, on three nodes of which one has given it away.",
        expect=("deployment.apps/hostports created",),
    ),
    Step(
        command="netemu get pods -l app=hostports",
        shows="Two fit, the third stays Pending …",
        expect=(r"(Running[\s\S]*){2}", r"0/1 +Pending"),
        within_s=20,
    ),
    Step(
        command="netemu get events --field-selector reason=FailedScheduling",
        shows="… and the scheduler says why.",
        expect=("didn't have free ports for the requested pod ports",),
        within_s=10,
    ),
    Step(
        command="netemu delete deployment hostports",
        shows="Enough of that.",
        expect=('deployment.apps "hostports" deleted',),
    ),
    Step(
        command=f"netemu apply -f {TALK}/service-nodeport.yaml",
        shows="The talk's Service becomes a NodePort; its ClusterIP stays behind it.",
        expect=("service/website configured",),
    ),
    Step(
        command="netemu get service website",
        shows="Port 31100 of every host now belongs to it.",
        expect=(r"NodePort +<cluster_ip> .*80:31100/TCP",),
    ),
    Step(
        command="netemu node exec outside -- curl -sS http://172.30.0.11:31100/",
        shows="From outside, through the first node …",
        expect=("website-",),
        within_s=10,
    ),
    Step(
        command="netemu node exec outside -- curl -sS http://172.30.0.13:31100/",
        shows="… and through the third: it does not matter where the pods run.",
        expect=("website-",),
        within_s=10,
    ),
    Step(
        command=f"netemu apply -f {TALK}/service-loadbalancer.yaml",
        shows="The talk's LoadBalancer …",
        expect=("service/website configured",),
    ),
    Step(
        command="netemu get service website",
        shows="… gets an address of the hosts range, as from MetalLB: in no namespace, as a ClusterIP.",
        expect=(r"LoadBalancer +<cluster_ip> +172\.30\.255\.\d+",),
        captures={"balancer_ip": r"LoadBalancer +\S+ +(\S+)", "node_port": r"80:(\d+)/TCP"},
        within_s=10,
    ),
    Step(
        command="netemu describe service website",
        shows="One node answers for it; another takes over when that one stops.",
        expect=(r"announcing from node",),
        within_s=10,
        lines=40,
    ),
    Step(
        command="netemu node exec outside -- curl -sS http://<balancer_ip>/",
        shows="Outside reaches it …",
        expect=("website-",),
        within_s=10,
    ),
    Step(
        command="netemu node exec outside -- ip neigh show <balancer_ip>",
        shows="… at the MAC address of that node, which told everybody by ARP.",
        expect=(r"<balancer_ip> dev eth0 lladdr 02:",),
    ),
    Step(
        command="netemu node exec outside -- curl -sS http://172.30.0.12:<node_port>/",
        shows="The NodePort behind it works too.",
        expect=("website-",),
        within_s=10,
    ),
    Step(
        command=f"netemu apply -f {TALK}/ingress.yaml",
        shows="The talk's Ingress is stored …",
        expect=("ingress.networking.k8s.io/web-ingress created",),
    ),
    Step(
        command="netemu describe ingress web-ingress",
        shows="… and an event says that no controller serves its class yet.",
        expect=(r"Events:\n[\s\S]*ambassador",),
        within_s=10,
        lines=40,
    ),
)

PARTS: Mapping[str, tuple[Step, ...]] = {
    "Part 1: containers and pods": PODS,
    "Part 2: Services": SERVICES,
    "Part 3: DNS": DNS,
    "Part 4: from the outside": OUTSIDE,
}
