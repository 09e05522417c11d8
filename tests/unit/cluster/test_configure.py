import pytest

from netemu.cluster.configure import differences, load_settings
from netemu.errors import SettingsError
from netemu.settings import Settings


def test_without_anything_the_defaults_hold():
    assert load_settings(None, {}) == Settings()


def test_options_win_over_the_file(tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text("nodes: 5\noverlay: host-gw\npodCidr: 10.10.0.0/16\n")

    settings = load_settings(file, {"nodes": 2, "overlay": None})

    assert (settings.nodes, settings.overlay, str(settings.pods)) == (2, "host-gw", "10.10.0.0/16")


def test_how_services_are_served_is_said_in_the_file_too(tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text("proxyMode: iptables\nlocalhostNodeports: true\n")

    settings = load_settings(file, {})

    assert (settings.proxy_mode, settings.localhost_nodeports) == ("iptables", True)


def test_an_unquoted_off_is_no_boolean(tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text("bridgeNetfilter: off\n")

    assert load_settings(file, {}).bridge_netfilter == "off"


def test_a_choice_that_is_none_is_told_what_there_is():
    with pytest.raises(SettingsError) as refused:
        load_settings(None, {"overlay": "gre"})

    assert refused.value.hint == "One of: vxlan, host-gw."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pod_cidr": "10.96.128.0/17"}, r"pods range 10\.96\.128\.0/17 .*overlaps services range 10\.96"),
        ({"host_cidr": "10.244.0.0/24"}, r"hosts range .*--host-cidr.* overlaps pods range"),
        ({"pod_cidr": "fd00::/64"}, r"--pod-cidr has IPv6, but --host-cidr has IPv4"),
        ({"pod_cidr": "10.244.0.0/16,fd00::/64"}, r"--pod-cidr has IPv4 and IPv6, but --host-cidr has IPv4"),
        ({"service_cidr": "10.96.0.0/30"}, "fewer than 16 addresses"),
        ({"host_cidr": "172.30.0.0/29"}, "no room for 3 nodes"),
        ({"cluster_domain": "Not_A_Domain"}, "is not a DNS name"),
        ({"node_port_range": "80"}, "is not a range of ports"),
        ({"node_port_range": "32767-30000"}, "is not a range of ports"),
        ({"nodes": 0}, "--nodes: must be at least 1"),
        ({"nodes": 201}, "--nodes: must be at most 200"),
        ({"overlay": "gre"}, "--overlay: 'gre' is none of its values"),
        ({"proxy_mode": "ipvs"}, "--proxy-mode: 'ipvs' is none of its values"),
        (
            {"proxy_mode": "none", "localhost_nodeports": True},
            "--localhost-nodeports: with --proxy-mode none",
        ),
        ({"proxy_mode": "none", "masquerade_all": True}, "--masquerade-all: with --proxy-mode none"),
        ({"cni": "/no/such/file"}, "there is no file /no/such/file"),
        ({"name": "Ümlaut"}, "--name: 'Ümlaut' cannot be a name"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(options, words):
    with pytest.raises(SettingsError, match=words):
        load_settings(None, options)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nodes: 3\nfoo: 1\n", r"cluster\.yaml:2: foo: there is no such setting"),
        ("overlay: vxlan\nnodes: many\n", r"cluster\.yaml:2: nodes: must be a whole number, not text"),
        ("nodes: [1\n", r"cluster\.yaml:\d+: "),
        ("- a\n", r"cluster\.yaml:1: settings are a mapping"),
        ("nodes: 2\nnodes: 3\n", r'cluster\.yaml:2: key "nodes" is already set'),
        ("nodes: 2\n---\nnodes: 3\n", r"cluster\.yaml:\d: settings are one document"),
        ("nodes: 2\nname: A_b\n", r"cluster\.yaml:2: name: 'A_b' cannot be a name"),
        ("nodes: 2\npodCidr: 10.96.0.0/12\n", r"\(from .*cluster\.yaml:2: podCidr\) overlaps services"),
        ("podCidr: 10.244.0.0/33\n", r"^.*cluster\.yaml:1: podCidr: '10\.244\.0\.0/33' is not"),
        ("podCidr: fd00::/56\n", r"cluster\.yaml:1: podCidr has IPv6, but --host-cidr has IPv4"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path, text, words):
    file = tmp_path / "cluster.yaml"
    file.write_text(text)

    with pytest.raises(SettingsError, match=words):
        load_settings(file, {})


def test_what_is_no_text_file_is_told(tmp_path):
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match="binary is no text file"):
        load_settings(binary, {})
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_settings(tmp_path, {})


def test_a_default_range_is_told_from_one_that_was_given():
    with pytest.raises(SettingsError) as refused:
        load_settings(None, {"pod_cidr": "10.96.128.0/17"})

    assert "(from --pod-cidr) overlaps services range 10.96.0.0/16 (the default of --service-cidr)" in str(
        refused.value
    )


def test_only_settings_that_were_asked_for_can_differ():
    running, wanted = Settings(nodes=3, overlay="vxlan"), Settings(nodes=4, overlay="host-gw")

    assert differences(running, wanted, {"nodes"}) == ["--nodes is 3, not 4"]
    assert differences(running, wanted, set()) == []


@pytest.mark.parametrize(
    ("given", "zones"),
    [
        pytest.param(2, ("zone-1", "zone-2"), id="number"),
        pytest.param("3", ("zone-1", "zone-2", "zone-3"), id="number-as-text"),
        pytest.param("a, b", ("a", "b"), id="names"),
        pytest.param(["a", "b"], ("a", "b"), id="list"),
    ],
)
def test_zones_are_a_number_or_names(given, zones):
    assert load_settings(None, {"zones": given}).zones == zones


@pytest.mark.parametrize(
    ("given", "seconds"), [("5s", 5.0), ("1m30s", 90.0), ("2.5s", 2.5), ("40", 40.0), (7, 7.0)]
)
def test_a_duration_is_seconds_or_what_kubernetes_writes(given, seconds):
    assert load_settings(None, {"node_monitor_grace_period": given}).node_monitor_grace_period == seconds


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"zones": "a b"}, "--zones: 'a b' cannot be the value of a label", id="zone"),
        pytest.param({"node_cpu": "many"}, "--node-cpu: 'many' is no amount", id="cpu"),
        pytest.param({"node_memory": "0"}, "--node-memory: '0' is no amount", id="memory"),
        pytest.param({"node_monitor_grace_period": "soon"}, "'soon' is no duration", id="duration"),
        pytest.param({"node_monitor_grace_period": "0s"}, "node-monitor-grace-period", id="too-short"),
    ],
)
def test_settings_of_nodes_are_checked(options, words):
    with pytest.raises(SettingsError, match=words):
        load_settings(None, options)


DUAL = {
    "host_cidr": "172.30.0.0/16,fd00:172:30::/64",
    "pod_cidr": "10.244.0.0/16,fd00:10:244::/56",
    "service_cidr": "10.96.0.0/16,fd00:10:96::/112",
}


def test_ranges_of_both_families_make_a_cluster_of_both():
    settings = load_settings(None, DUAL)

    assert settings.has_ipv6
    assert [network.version for network in settings.pod_ranges] == [4, 6]
    assert str(settings.dns_ip) == "10.96.0.10"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pod_cidr": "fd00:10:244::/56,10.244.0.0/16"}, "--pod-cidr has IPv6 and IPv4, but --host-cidr"),
        ({"pod_cidr": "10.244.0.0/16,fd00:172:30::/56"}, "hosts range fd00:172:30::/64 .* overlaps pods"),
        ({"pod_cidr": "10.244.0.0/16,fd00:1::/124"}, "pods range fd00:1::/124 has room for 0 nodes"),
        ({"host_cidr": "172.30.0.0/16,fd00:172::/125"}, "--host-cidr: fd00:172::/125 has no room"),
        ({"service_cidr": "10.96.0.0/16,fd00:10::/125"}, "--service-cidr: fd00:10::/125 has fewer than 16"),
    ],
)
def test_ranges_of_ipv6_must_be_apart_wide_and_in_order_too(change, complaint):
    with pytest.raises(SettingsError, match=complaint):
        load_settings(None, DUAL | change)
