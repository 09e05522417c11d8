"""A Service's chains in sentences, read back from what iptables-save tells."""

from __future__ import annotations

import pytest

from netemu.informer.cache import Key
from netemu.nft.expressions import L4
from netemu.proxy.index import PortKey
from netemu.proxy.iptables.explain import explain_service
from netemu.proxy.iptables.saved import parse_saved

WEB = PortKey(Key("default", "web"), "")
SVC, SVL, EXT, FW = (f"KUBE-{kind}-LOLE4ISW44XBNF3G" for kind in ("SVC", "SVL", "EXT", "FW"))
CLUSTER_IP = '-d 10.96.0.20/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80'
BALANCER = "-d 172.30.0.200/32 -p tcp"
# As iptables 1.8.9 words it.
TEXT = f"""\
*filter
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
-A KUBE-NODEPORTS -p tcp -m comment --comment "default/web health check node port" -m tcp --dport 31999 \
-j ACCEPT
-A KUBE-PROXY-FIREWALL {BALANCER} -m comment --comment "default/web traffic not accepted by {FW}" -m tcp \
--dport 80 -j DROP
-A KUBE-SERVICES -d 10.96.0.21/32 -p tcp -m comment --comment "default/webber has no endpoints" -m tcp \
--dport 80 -j REJECT --reject-with icmp-port-unreachable
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:{EXT} - [0:0]
:{FW} - [0:0]
:{SVC} - [0:0]
:{SVL} - [0:0]
:KUBE-SEP-A - [0:0]
:KUBE-SEP-B - [0:0]
-A KUBE-SERVICES {CLUSTER_IP} -j {SVC}
-A KUBE-SERVICES {BALANCER} -m comment --comment "default/web loadbalancer IP" -m tcp --dport 80 -j {FW}
-A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment "default/other cluster IP" -j KUBE-SVC-OTHER
-A KUBE-NODEPORTS -p tcp -m comment --comment "default/web" -m tcp --dport 31100 -j {EXT}
-A {FW} -s 203.0.113.0/24 -m comment --comment "default/web loadbalancer IP" -j {EXT}
-A {FW} -m comment --comment "other traffic to default/web will be dropped by KUBE-PROXY-FIREWALL"
-A {EXT} -s 10.244.0.0/16 -m comment --comment "pod traffic for default/web external destinations" -j {SVC}
-A {EXT} -m comment --comment "masquerade LOCAL traffic" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
-A {EXT} -m comment --comment "route LOCAL traffic" -m addrtype --src-type LOCAL -j {SVC}
-A {EXT} -j {SVL}
-A {SVC} ! -s 10.244.0.0/16 {CLUSTER_IP} -j KUBE-MARK-MASQ
-A {SVC} -m recent --rcheck --seconds 60 --reap --name KUBE-SEP-A --rsource -j KUBE-SEP-A
-A {SVC} -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-A
-A {SVC} -m comment --comment "default/web -> 10.244.2.2:8080" -j KUBE-SEP-B
-A {SVL} -j KUBE-SEP-A
-A KUBE-SEP-A -s 10.244.1.2/32 -m comment --comment "default/web" -j KUBE-MARK-MASQ
-A KUBE-SEP-A -p tcp -m recent --set --name KUBE-SEP-A -m tcp -j DNAT --to-destination 10.244.1.2:8080
-A KUBE-SEP-B -p tcp -m tcp -j DNAT --to-destination 10.244.2.2:8080
COMMIT
"""


@pytest.fixture(scope="module")
def shown():
    return explain_service(parse_saved(TEXT), [(WEB, L4.TCP)])


def test_every_chain_of_the_service_is_shown_once_and_no_other(shown):
    assert [part.title.split()[1] for part in shown[1:]] == [EXT, FW, SVC, SVL, "KUBE-SEP-A", "KUBE-SEP-B"]
    assert not any("OTHER" in line.what or "webber" in line.what for part in shown for line in part.lines)


def test_every_rule_has_a_sentence(shown):
    assert [line.sentence for part in shown for line in part.lines] == [
        "Connections to 10.96.0.20 port 80 go to the chain that chooses among all pods.",
        "Connections to 172.30.0.200 port 80 go to the chain that lets loadBalancerSourceRanges pass.",
        (
            "Connections to port 31100 of any of this node's addresses go to the chain that takes whoever "
            "comes by a node port or an address from outside."
        ),
        "What the source ranges did not let pass to 172.30.0.200 port 80 is lost.",
        "Load balancers may ask on port 31999 whether pods are here.",
        "Pods need not come from outside: they go to the chain that chooses among all pods.",
        "The node itself is seen with the address it leaves by.",
        "The node itself goes to the chain that chooses among all pods.",
        "All that are left go to the chain that chooses among the pods of this node.",
        "Clients of 203.0.113.0/24 may use the load balancer's address.",
        "All others keep their destination, and KUBE-PROXY-FIREWALL drops them.",
        "Who is not of 10.244.0.0/16 and connects to the ClusterIP is seen with this node's address.",
        "A client that was with 10.244.1.2:8080 in the last 60 s stays there.",
        "By a chance of 0.5, go to 10.244.1.2:8080.",
        "All that are left go to 10.244.2.2:8080.",
        "All that are left go to 10.244.1.2:8080.",
        "If it is the pod itself that connects, it is seen with this node's address.",
        "Remember the client, and send the connection to 10.244.1.2:8080.",
        "Send the connection to 10.244.2.2:8080.",
    ]


def test_rules_are_shown_without_comments_which_the_sentences_replace(shown):
    assert shown[0].lines[0].what == (f"-A KUBE-SERVICES -d 10.96.0.20/32 -p tcp -m tcp --dport 80 -j {SVC}")
    assert "--comment" not in "".join(line.what for part in shown for line in part.lines)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("REJECT", "No pod serves it: connections to 10.96.0.20 port 80 are refused."),
        ("DROP", "No pod of this node serves it: packets to 10.96.0.20 port 80 are lost."),
    ],
)
def test_a_service_without_endpoints_says_what_becomes_of_connections(target, sentence):
    rule = '-d 10.96.0.20/32 -p tcp -m comment --comment "default/web has no endpoints" -m tcp --dport 80'
    saved = parse_saved(f"*filter\n-A KUBE-SERVICES {rule} -j {target}\nCOMMIT\n")
    (only,) = explain_service(saved, [(WEB, L4.TCP)])

    assert [line.sentence for line in only.lines] == [sentence]


def test_the_same_number_of_another_protocol_is_another_port():
    rule = '-d 10.96.0.20/32 -p udp -m comment --comment "default/web has no endpoints" -m udp --dport 80'
    saved = parse_saved(f"*filter\n-A KUBE-SERVICES {rule} -j REJECT\nCOMMIT\n")
    (only,) = explain_service(saved, [(WEB, L4.TCP)])

    assert [line.sentence for line in only.lines] == ["Nothing: this node does not serve it."]
