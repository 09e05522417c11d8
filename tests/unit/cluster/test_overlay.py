from netemu.api.views import view
from netemu.api.views.core import Node
from netemu.cluster.overlay import VTEP_MAC, OverlaySyncer, peer_of, plan_peer


def node(name="node-2", *, mac="02:00:00:00:00:02", cidr="10.244.1.0/24", ip="172.30.0.12"):
    return view(
        Node,
        {
            "metadata": {"name": name, "annotations": {VTEP_MAC: mac} if mac else {}},
            "spec": {"podCIDR": cidr},
            "status": {"addresses": [{"type": "InternalIP", "address": ip}]},
        },
    )


class RecordingNetlink:
    def __init__(self):
        self.sent = []

    def batch(self, changes):
        self.sent += [change.what for change in changes]


def syncer(netlink):
    return OverlaySyncer("vxlan", "node-1", netlink, eth0=2, vxlan=3)


def test_a_peer_over_vxlan_needs_neighbour_forwarding_entry_and_route():
    words = [change.what for change in plan_peer("vxlan", peer_of(node()), eth0=2, vxlan=3)]

    assert words[0] == "set neighbour 10.244.1.0 (02:00:00:00:00:02) on link 3"
    assert words[1] == "set fdb 02:00:00:00:00:02 via 172.30.0.12 on link 3"
    assert "10.244.1.0/24" in words[2]


def test_a_peer_over_host_gw_needs_a_route_alone():
    (only,) = plan_peer("host-gw", peer_of(node()), eth0=2, vxlan=0)

    assert "10.244.1.0/24" in only.what
    assert "172.30.0.12" in only.what


def test_a_node_that_is_not_complete_is_no_peer_yet():
    assert peer_of(node(mac="")) is None
    assert peer_of(node(cidr="")) is None


def test_nothing_is_sent_twice_and_never_for_oneself():
    netlink = RecordingNetlink()
    kept = syncer(netlink)
    kept.sync("node-1", peer_of(node("node-1")))
    kept.sync("node-2", peer_of(node()))
    before = list(netlink.sent)
    kept.sync("node-2", peer_of(node()))

    assert netlink.sent == before
    assert len(before) == 3


def test_a_peer_that_goes_takes_its_entries_with_it():
    netlink = RecordingNetlink()
    kept = syncer(netlink)
    kept.sync("node-2", peer_of(node()))
    netlink.sent.clear()
    kept.sync("node-2", None)

    assert [words.split()[0] for words in netlink.sent] == ["delete", "delete", "delete"]


def dual_node():
    return view(
        Node,
        {
            "metadata": {"name": "node-2", "annotations": {VTEP_MAC: "02:00:00:00:00:02"}},
            "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00:1::/64"]},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": "172.30.0.12"},
                    {"type": "InternalIP", "address": "fd00::c"},
                ]
            },
        },
    )


def test_one_tunnel_carries_both_families():
    words = [change.what for change in plan_peer("vxlan", peer_of(dual_node()), eth0=2, vxlan=3)]

    assert words == [
        "set neighbour 10.244.1.0 (02:00:00:00:00:02) on link 3",
        "set neighbour fd00:1::ffff:ffff:ffff:ffff (02:00:00:00:00:02) on link 3",
        "set fdb 02:00:00:00:00:02 via 172.30.0.12 on link 3",
        "set unicast route to 10.244.1.0/24 via 10.244.1.0 on link 3",
        "set unicast route to fd00:1::/64 via fd00:1::ffff:ffff:ffff:ffff on link 3",
    ]


def test_routes_without_a_tunnel_lead_to_the_nodes_address_of_their_family():
    words = [change.what for change in plan_peer("host-gw", peer_of(dual_node()), eth0=2, vxlan=0)]

    assert words == [
        "set unicast route to 10.244.1.0/24 via 172.30.0.12 on link 2",
        "set unicast route to fd00:1::/64 via fd00::c on link 2",
    ]
