import pytest

from netemu.agent.files import (
    find_long_name,
    host_network_hosts_file,
    hosts_file,
    kernel_hostname,
    pod_hostname,
    resolv_conf,
)
from netemu.api.views import view
from netemu.api.views.core import Pod

MACHINE = "# generated\nnameserver 192.0.2.53 # the router\nsearch corp.example\noptions timeout:2\n"


def pod(**spec) -> Pod:
    return view(
        Pod,
        {
            "metadata": {"name": "web-0", "namespace": "shop", "uid": "u"},
            "spec": {"containers": [{"name": "c"}], **spec},
        },
    )


def resolv(the_pod: Pod) -> list[str]:
    return resolv_conf(
        the_pod, cluster_dns="10.96.0.10", domain="cluster.local", machine=MACHINE
    ).splitlines()


CLUSTER_FIRST = [
    "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example",
    "nameserver 10.96.0.10",
    "options ndots:5",
]
DEFAULT = ["search corp.example", "nameserver 192.0.2.53", "options timeout:2"]


@pytest.mark.parametrize(
    ("the_pod", "expected"),
    [
        pytest.param(pod(), CLUSTER_FIRST, id="cluster-first"),
        pytest.param(pod(dnsPolicy="Default"), DEFAULT, id="the-machines-own"),
        pytest.param(pod(hostNetwork=True), DEFAULT, id="cluster-first-on-the-host-network-is-default"),
        pytest.param(
            pod(hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet"), CLUSTER_FIRST, id="unless-said-so"
        ),
        pytest.param(
            pod(
                dnsPolicy="None",
                dnsConfig={
                    "nameservers": ["9.9.9.9"],
                    "searches": ["a.example"],
                    "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
                },
            ),
            ["search a.example", "nameserver 9.9.9.9", "options ndots:2 edns0"],
            id="none-takes-the-pods-config-alone",
        ),
        pytest.param(
            pod(dnsConfig={"options": [{"name": "ndots", "value": "1"}]}),
            [*CLUSTER_FIRST[:2], "options ndots:1"],
            id="the-pods-options-win",
        ),
    ],
)
def test_resolv_conf_follows_the_dns_policy(the_pod, expected):
    assert resolv(the_pod) == expected


def test_a_pods_hosts_file_names_it_by_its_address():
    assert hosts_file(pod(), ["10.244.1.5"], "cluster.local").splitlines()[-1] == "10.244.1.5\tweb-0"


def test_a_subdomain_gives_the_pod_a_full_name():
    made = hosts_file(pod(subdomain="web"), ["10.244.1.5"], "cluster.local")

    assert "10.244.1.5\tweb-0.web.shop.svc.cluster.local\tweb-0\n" in made


def test_host_aliases_are_added_to_either_file():
    aliases = [{"ip": "192.0.2.9", "hostnames": ["db", "db.example"]}]

    assert "192.0.2.9\tdb\tdb.example\n" in hosts_file(pod(hostAliases=aliases), ["10.0.0.1"], "c")
    assert "192.0.2.9\tdb\tdb.example\n" in host_network_hosts_file(
        pod(hostAliases=aliases), "127.0.0.1 me\n"
    )


def test_a_name_too_long_for_linux_is_cut():
    assert pod_hostname(pod(hostname="a" * 62 + "-b")) == "a" * 62


@pytest.mark.parametrize(
    ("the_pod", "name"),
    [
        pytest.param(pod(subdomain="db"), "web-0", id="its-name"),
        pytest.param(
            pod(subdomain="db", setHostnameAsFQDN=True),
            "web-0.db.shop.svc.cluster.local",
            id="the-whole-name",
        ),
        pytest.param(pod(setHostnameAsFQDN=True), "web-0", id="which-it-has-not-without-a-subdomain"),
        pytest.param(pod(subdomain="db", hostnameOverride="a.example"), "a.example", id="another"),
    ],
)
def test_the_kernels_hostname_is_what_the_pod_wants(the_pod, name):
    assert kernel_hostname(the_pod, "cluster.local") == name
    assert find_long_name(the_pod, "cluster.local") == ""


def test_a_whole_name_that_linux_does_not_take_is_told():
    the_pod = pod(subdomain="s" * 40, setHostnameAsFQDN=True)

    assert "is too long (64 characters is the max, 69 characters requested)" in find_long_name(
        the_pod, "cluster.local"
    )


def test_search_domains_are_as_many_as_resolvers_take():
    searches = ["x" * 400 + f"{number}.example" for number in range(9)]
    line = resolv(pod(dnsPolicy="None", dnsConfig={"searches": searches, "nameservers": ["9.9.9.9"]}))[0]

    assert line.removeprefix("search ").split() == searches[:4]
