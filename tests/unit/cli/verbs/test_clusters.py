"""What ``doctor`` prints."""

from netemu.cli.verbs.clusters import doctor_lines
from netemu.linux.probe import Check

CHECKS = [
    Check("veth", True, "works"),
    Check("overlayfs", False, "refused", "modprobe overlay", required=False),
    Check("program nft", False, "not found", "apt-get install nftables"),
]


def test_gaps_are_told_from_what_netemu_does_without():
    lines = doctor_lines(CHECKS)

    assert [line.split()[0] for line in lines[:4]] == ["CHECK", "ok", "optional", "MISSING"]
    assert lines[4:] == ["\noverlayfs:\n  modprobe overlay", "\nprogram nft:\n  apt-get install nftables"]
