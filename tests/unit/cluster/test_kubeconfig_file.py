"""Files of users: found, locked, replaced and left as they were."""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from netemu.cluster import kubeconfig_file
from netemu.cluster.kubeconfig import KubeconfigError, current_context, parse
from netemu.cluster.kubeconfig_file import Owner, caller, locate, put, take_out
from netemu.pki.files import PkiFiles
from netemu.pki.invoke import ensure_files
from netemu.settings import Paths

MINE = "apiVersion: v1\nkind: Config\ncontexts:\n- context: {}\n  name: mine\ncurrent-context: mine\n"


def cluster(tmp_path: Path, name: str, port: int = 6443) -> Paths:
    paths = Paths(state=tmp_path / "state" / name, run=tmp_path / "run" / name)
    ensure_files(PkiFiles(paths.pki), [], [IPv4Address("127.0.0.1")], now_s=1_800_000_000)
    paths.api_port.write_text(f"{port}\n")
    return paths


@pytest.fixture
def paths(tmp_path) -> Paths:
    return cluster(tmp_path, "netemu")


@pytest.fixture
def home(tmp_path) -> dict[str, str]:
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home")}


@pytest.fixture
def config(home) -> Path:
    return Path(home["HOME"]) / ".kube" / "config"


def test_a_user_without_a_kubeconfig_gets_one_of_their_own_and_loses_it_again(paths, home, config):
    put("netemu", paths, environ=home)

    assert config.stat().st_mode & 0o777 == 0o600
    assert current_context(config.read_text()) == "netemu"

    take_out(paths)

    assert not config.exists()


def test_a_users_kubeconfig_is_as_it_was_after_the_cluster_went(paths, home, config):
    config.parent.mkdir()
    config.write_text(MINE)

    put("netemu", paths, environ=home)
    put("netemu", paths, environ=home)
    assert current_context(config.read_text()) == "netemu"
    take_out(paths)

    assert parse(config.read_text()).get("current-context") == "mine"
    assert config.read_text().startswith(MINE)


def test_what_cannot_be_read_is_left_alone(paths, home, config):
    config.parent.mkdir()
    config.write_text("a: [")

    with pytest.raises(KubeconfigError, match="not YAML"):
        put("netemu", paths, environ=home)

    assert config.read_text() == "a: ["
    assert os.listdir(config.parent) == ["config"]


def test_a_lock_of_someone_else_is_respected(paths, home, config, monkeypatch):
    monkeypatch.setattr(kubeconfig_file, "LOCK_WITHIN_S", 0.0)
    config.parent.mkdir()
    lock = config.with_name("config.lock")
    lock.touch()

    with pytest.raises(KubeconfigError, match="locked"):
        put("netemu", paths, environ=home)

    assert lock.exists()
    assert not config.exists()


def test_a_symbolic_link_stays_one(paths, home, config, tmp_path):
    real = tmp_path / "dotfiles"
    real.write_text(MINE)
    config.parent.mkdir()
    config.symlink_to(real)

    put("netemu", paths, environ=home)

    assert config.is_symlink()
    assert current_context(real.read_text()) == "netemu"


def test_a_file_that_is_named_is_written_instead(paths, home, config, tmp_path):
    put("netemu", paths, file=str(tmp_path / "other"), environ=home)

    assert not config.exists()
    assert current_context((tmp_path / "other").read_text()) == "netemu"


def test_a_device_is_no_kubeconfig(paths, home):
    with pytest.raises(KubeconfigError, match="is no file"):
        put("netemu", paths, file="/dev/null", environ=home)


def test_clusters_that_go_in_another_order_than_they_came_still_restore_the_users_context(
    tmp_path, home, config
):
    config.parent.mkdir()
    config.write_text(MINE)
    first, second = cluster(tmp_path, "a", 6443), cluster(tmp_path, "b", 6444)
    put("a", first, environ=home)
    put("b", second, environ=home)

    take_out(first)
    assert current_context(config.read_text()) == "netemu-b"
    take_out(second)

    assert current_context(config.read_text()) == "mine"


def test_of_several_kubeconfigs_the_first_that_is_there_is_changed(tmp_path):
    (tmp_path / "b").touch()
    named = ":".join(str(tmp_path / name) for name in "abc")

    assert locate(Owner(0, 0, "/root"), {"KUBECONFIG": named}) == tmp_path / "b"


def test_of_several_kubeconfigs_that_are_not_there_the_last_is_made(tmp_path):
    named = ":".join(str(tmp_path / name) for name in "ab")

    assert locate(Owner(0, 0, "/root"), {"KUBECONFIG": named}) == tmp_path / "b"


def test_who_is_unknown_to_the_machine_is_taken_for_who_runs():
    assert caller({"SUDO_USER": "no-such-user", "HOME": "/h"}).home == "/h"


def test_a_cluster_that_was_never_up_has_no_kubeconfig(tmp_path):
    with pytest.raises(KubeconfigError, match="never up"):
        kubeconfig_file.print_kubeconfig("c", Paths(state=tmp_path / "c", run=tmp_path / "r"))
