import pytest

from netemu.linux.probe import (
    check_file_limit,
    check_kernel,
    check_neighbours,
    check_program,
    check_trials,
    find_program,
    parse_trials,
)


@pytest.mark.parametrize(
    ("release", "ok"),
    [
        ("6.1.0-13-amd64", True),
        ("5.10.0", True),
        ("5.9.16", False),
        ("4.19.0-25", False),
        ("6.18.44-fc", True),
    ],
)
def test_old_kernels_are_told_apart(release, ok):
    assert check_kernel(release).ok is ok


def test_a_trial_that_failed_says_why_and_what_mends_it():
    checks = {check.name: check for check in check_trials(parse_trials("veth\t\nvxlan\tnot supported\n"))}

    assert checks["veth"].ok
    assert (checks["vxlan"].ok, checks["vxlan"].detail) == (False, "not supported")
    assert "host-gw" in checks["vxlan"].remedy


def test_what_netemu_does_without_is_not_required():
    optional = {check.name for check in check_trials({}) if not check.required}

    assert optional == {"iptables", "overlayfs", "bridge netfilter"}


def test_programs_of_root_are_found_with_anyone_s_path(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    assert find_program("sh") is not None
    assert find_program("no-such-program") is None


def test_a_trial_that_never_ran_is_not_a_success():
    assert not any(check.ok for check in check_trials({}))


def test_a_missing_program_names_its_package():
    check = check_program("bwrap", None, "bubblewrap")

    assert (check.ok, check.remedy) == (False, "apt-get install bubblewrap")


@pytest.mark.parametrize(
    ("hard", "ok"), [(1024, False), (4096, True), (-1, True)], ids=["few", "enough", "unlimited"]
)
def test_the_limit_of_open_files(hard, ok):
    assert check_file_limit(1024, hard).ok is ok


@pytest.mark.parametrize(("used", "ok"), [(10, True), (900, False)])
def test_a_neighbour_table_that_is_almost_full(used, ok):
    assert check_neighbours(1024, used).ok is ok
