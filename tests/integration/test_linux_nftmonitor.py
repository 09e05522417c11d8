import subprocess

import pytest

from netemu.linux import netns
from netemu.linux.nftmonitor import MissedError, Monitors


@pytest.fixture
def ns_fd(node):
    with netns.opened(node) as fd:
        yield fd


@pytest.fixture
def monitors():
    return Monitors()


@pytest.fixture
def monitor(monitors, ns_fd):
    found = monitors.open(ns_fd, "ours")
    yield found
    monitors.close(found)


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


def test_while_all_are_hushed_nothing_is_told_and_afterwards_it_goes_on(ns_fd, monitors, monitor):
    nft(ns_fd, "table ip ours { }")
    with monitors.hushed():
        nft(ns_fd, "add chain ip ours c")
    nft(ns_fd, "add chain ip ours d")

    assert len(monitor.commits()) == 2


def test_another_hand_in_a_hush_leaves_a_gap_that_is_told_once(ns_fd, monitors, monitor):
    with monitors.hushed():
        nft(ns_fd, "table ip ours { }")

    assert [monitor.take_gap(), monitor.take_gap()] == [True, False]


def test_what_this_process_did_in_a_hush_is_no_gap(ns_fd, monitors, monitor):
    nft(ns_fd, "table ip ours { }")
    with monitors.hushed():
        nft(ns_fd, "add chain ip ours c")
        monitors.count_own(ns_fd)

    assert not monitor.take_gap()


def test_who_comes_in_the_midst_of_hushes_listens_after_the_last(ns_fd, monitors):
    with monitors.hushed():
        with monitors.hushed():
            late = monitors.open(ns_fd, "ours")
        nft(ns_fd, "table ip ours { }")
    nft(ns_fd, "add chain ip ours c")
    commits, has_gap = late.commits(), late.take_gap()
    monitors.close(late)

    assert [len(commits), has_gap] == [1, True]
