from __future__ import annotations

import pytest

from netemu.runtime.etc import WRITTEN
from netemu.runtime.sandbox import (
    CAPABILITIES,
    Root,
    confined,
    environment,
    inner_command,
    join_arguments,
    sandbox_arguments,
)

SHELLS = ("/usr/bin/bash", "/usr/bin/dash")
USR_MERGED = Root({"bin": "usr/bin", "lib": "usr/lib"}, {"sys", "kcore", "version"}, SHELLS)


def spec(**changed):
    return {
        "id": "c1",
        "netns": "ne-demo-1",
        "argv": ["true"],
        "log_path": "/logs/0.log",
        "hostname": "web-1",
        "env": {},
        "cwd": "/",
        "mounts": [],
        "sandboxed": True,
        "user": {"uid": 0, "gid": 0, "groups": []},
        "capabilities": None,
        "read_only": False,
        "writes_sysctls": False,
        "sysctls": {},
        "limits": {"cpus": 0.0, "memory_bytes": 0, "disk_bytes": 0},
        "processes": "",
        "node_ipc": False,
        "ipc": "",
        "seccomp": False,
        "profile": "",
        "gains_privileges": False,
        "first_id": 0,
        "unmasked": False,
        "stdin": False,
        "tty": False,
        **changed,
    }


def arguments(root=USR_MERGED, **changed):
    etc = {name: f"/w/etc/{name}" for name in WRITTEN}
    return sandbox_arguments(spec(**changed), root=root, etc=etc, sysfs="/w/sys", disk_bytes=4096)


def has(words, *wanted):
    return any(tuple(words[start : start + len(wanted)]) == wanted for start in range(len(words)))


def test_an_ipc_namespace_that_has_sysctls_is_made_before():
    assert "--unshare-ipc" not in arguments(sysctls={"kernel.shm_rmid_forced": "1"})
    assert "--unshare-ipc" in arguments(sysctls={"net.core.somaxconn": "1"})


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(("--unshare-pid",), id="own-processes"),
        pytest.param(("--unshare-ipc",), id="own-ipc"),
        pytest.param(("--as-pid-1",), id="the-command-is-pid-1"),
        pytest.param(("--die-with-parent",), id="dies-with-us"),
        pytest.param(("--hostname", "web-1"), id="own-name"),
        pytest.param(("--ro-bind", "/usr", "/usr"), id="the-machine's-programs"),
        pytest.param(("--symlink", "usr/bin", "/bin"), id="links-into-usr"),
        pytest.param(("--ro-bind", *SHELLS), id="sh-is-bash"),
        pytest.param(("--ro-bind", "/proc/sys", "/proc/sys"), id="no-way-to-the-machine's-sysctls"),
        pytest.param(("--ro-bind", "/dev/null", "/proc/kcore"), id="no-view-of-its-memory"),
        pytest.param(("--dir", "/root"), id="own-home"),
        pytest.param(("--dir", "/etc/ssl", "--ro-bind-try", "/etc/ssl/certs"), id="certificates-for-all"),
        pytest.param(("--dir", "/var"), id="own-var"),
        pytest.param(("--dir", "/run"), id="own-run"),
        pytest.param(("--size", "4096", "--tmpfs", "/"), id="own-files-of-limited-size"),
        pytest.param(("--size", "67108864", "--tmpfs", "/dev/shm"), id="own-shared-memory"),
        pytest.param(("--remount-ro", "/dev"), id="nothing-to-fill-without-a-limit"),
        pytest.param(("--cap-drop", "ALL"), id="no-capability-but"),
        pytest.param(("--cap-add", "CAP_NET_RAW"), id="ping's"),
        pytest.param(("--ro-bind", "/w/etc/nsswitch.conf", "/etc/nsswitch.conf"), id="own-name-switch"),
        pytest.param(("--ro-bind", "/w/etc/wgetrc", "/etc/wgetrc"), id="wget-that-tries-once"),
    ],
)
def test_every_sandbox_has(wanted):
    assert has(arguments(), *wanted)


@pytest.mark.parametrize("name", ["/home", "/run", "/var", "/root", "/etc", "/", "/etc/passwd", "/tmp"])
def test_nothing_of_the_machine_is_bound_but_what_is_listed(name):
    words = arguments()
    sources = {words[index + 1] for index, word in enumerate(words) if word.endswith(("bind", "bind-try"))}

    assert name not in sources


def test_a_directory_that_is_no_link_into_usr_is_bound_read_only():
    assert has(arguments(Root({"lib": ""}, frozenset())), "--ro-bind", "/lib", "/lib")


def test_paths_that_this_kernel_does_not_have_are_not_covered():
    assert "/proc/timer_list" not in arguments()


def test_mounts_of_the_spec_come_after_what_they_may_cover():
    mounts = [
        {"source": "/p/hosts", "target": "/etc/hosts", "read_only": False},
        {"source": "/p/config", "target": "/etc/web", "read_only": True},
    ]
    words = arguments(mounts=mounts)

    assert has(words, "--bind", "/p/hosts", "/etc/hosts")
    assert has(words, "--ro-bind", "/p/config", "/etc/web")
    assert words.index("/p/hosts") > max(words.index(f"/etc/{name}") for name in WRITTEN)


@pytest.mark.parametrize(
    ("cwd", "made"),
    [pytest.param("/work", True, id="elsewhere"), pytest.param("/usr/share", False, id="read-only")],
)
def test_a_working_directory_is_made_where_that_is_possible(cwd, made):
    words = arguments(cwd=cwd)

    assert has(words, "--dir", cwd) is made
    assert has(words, "--chdir", cwd)


def test_the_environment_is_the_spec_s_and_what_every_runtime_adds():
    assert environment(spec(env={"A": "1", "HOME": "/srv"}, tty=True)) == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/srv",
        "HOSTNAME": "web-1",
        "TERM": "xterm",
        "A": "1",
    }


def test_a_variable_that_the_spec_empties_stays_empty():
    assert environment(spec(env={"PATH": ""}, hostname=""))["PATH"] == ""
    assert "HOSTNAME" not in environment(spec(hostname=""))


def test_the_environment_is_set_inside_and_not_for_bubblewrap_itself():
    assert has(arguments(env={"LD_PRELOAD": "/x.so"}), "--setenv", "LD_PRELOAD", "/x.so")


def test_an_exec_joins_all_namespaces_of_pid_1_with_its_capabilities():
    words = join_arguments(42, ["ls", "-l"], {"A": "b c"}, "/srv", spec=spec(), tty=False)

    assert words[:3] == ["nsenter", "--target", "42"]
    assert {"--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"} <= set(words)
    assert "--no-new-privs" in words
    assert words[-6:] == ["/usr/bin/env", "-i", "--chdir=/srv", "A=b c", "ls", "-l"]


def test_an_exec_with_a_terminal_gets_a_session_that_controls_it():
    assert has(join_arguments(42, ["sh"], {}, "", spec=spec(), tty=True), "/usr/bin/setsid", "--ctty")


def test_the_bounding_set_holds_the_default_capabilities_and_no_other():
    (bounds,) = (word for word in confined(["true"], spec()) if word.startswith("--bounding-set="))
    kept = bounds.removeprefix("--bounding-set=-all,").replace("+", "").split(",")

    assert tuple(kept) == CAPABILITIES
    assert "sys_admin" not in CAPABILITIES


def test_the_command_comes_after_the_word_that_the_sandbox_is_made():
    shell, dash_c, script, *rest = inner_command(spec(argv=["sleep", "1"]))

    assert (shell, dash_c) == ("/proc/self/fd/5", "-c")
    assert script == 'echo >&4; exec 4>&- 5<&- 6<&- "$@"'
    assert rest == ["sh", *confined(["sleep", "1"], spec())]


@pytest.mark.parametrize("key", ["my.config", "with-dash", "IFS", "PS1"])
def test_variables_that_the_shell_would_lose_are_set_by_env(key):
    odd = spec(env={key: "1", "PLAIN": "2"}, argv=["sleep", "1"])

    assert inner_command(odd)[-5:] == ["/usr/bin/env", "--", f"{key}=1", "sleep", "1"]
    assert key not in arguments(env={key: "1"})
    assert has(arguments(env={"PLAIN": "2"}), "--setenv", "PLAIN", "2")
