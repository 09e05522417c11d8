"""What a machine must have before a cluster starts."""

from __future__ import annotations

import pytest

from netemu.cluster.up import REQUIRED, required_programs
from netemu.settings import Settings

DUAL = {
    "host_cidr": ("172.30.0.0/16", "fd00:172::/64"),
    "pod_cidr": ("10.244.0.0/16", "fd00:244::/56"),
    "service_cidr": ("10.96.0.0/16", "fd00:96::/112"),
}


@pytest.mark.parametrize("mode", ["nftables", "none"])
def test_iptables_is_not_needed_by_those_who_do_not_ask_for_it(mode):
    assert required_programs(Settings(proxy_mode=mode)) == REQUIRED


@pytest.mark.parametrize(
    ("ranges", "programs"),
    [({}, {"iptables-restore"}), (DUAL, {"iptables-restore", "ip6tables-restore"})],
    ids=["ipv4", "both"],
)
def test_the_mode_iptables_needs_its_programs_of_every_family(ranges, programs):
    needed = required_programs(Settings(proxy_mode="iptables", **ranges))

    assert needed == REQUIRED | dict.fromkeys(programs, "iptables")
