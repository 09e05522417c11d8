import subprocess

import pytest

from netemu.linux import netns
from netemu.linux.nftmonitor import MissedError, TableMonitor


@pytest.fixture
def ns_fd(node):
    with netns.opened(node) as fd:
        yield fd


@pytest.fixture
def monitor(ns_fd):
    found = TableMonitor.open(ns_fd, "ours")
    yield found
    found.close()


def nft(ns_fd, text):
    argv = ["nsenter", f"--net=/proc/self/fd/{ns_fd}", "nft", "-f", "-"]
    subprocess.run(argv, input=text.encode(), check=True, pass_fds=(ns_fd,))


def test_each_transaction_that_changes_the_table_is_told_with_its_process(ns_fd, monitor):
    nft(ns_fd, "table ip ours { set s { type mark; }; chain c { }; }\nadd element ip ours s { 1, 2 }")
    nft(ns_fd, "delete element ip ours s { 1 }")
    nft(ns_fd, "add chain ip ours d")

    commits = monitor.commits()

    assert [commit.process for commit in commits] == ["nft"] * 3
    assert all(commit.pid > 0 for commit in commits)
    assert monitor.commits() == []


def test_other_tables_and_a_ruleset_without_ours_are_no_matter(ns_fd, monitor):
    nft(ns_fd, "table ip theirs { chain c { }; }\ntable ip6 others { }")
    nft(ns_fd, "flush ruleset")

    assert monitor.commits() == []


def test_a_flushed_ruleset_is_told(ns_fd, monitor):
    nft(ns_fd, "table ip ours { }")
    monitor.commits()
    nft(ns_fd, "flush ruleset")

    assert len(monitor.commits()) == 1


def test_more_than_can_be_held_is_told_as_missed_and_then_it_goes_on(ns_fd, monitor):
    elements = ", ".join(map(str, range(20_000)))
    nft(ns_fd, f"table ip ours {{ set s {{ type mark; }}; }}\nadd element ip ours s {{ {elements} }}")

    with pytest.raises(MissedError):
        monitor.commits()
    nft(ns_fd, "delete table ip ours")

    assert len(monitor.commits()) == 1
