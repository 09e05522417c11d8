"""Containers under a node's shim: what they see, what they may, how they end."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from netemu.runtime.container import Mount
from netemu.runtime.errors import (
    ContainerExistsError,
    ContainerNotFoundError,
    ControlError,
)
from netemu.runtime.logs import read_log
from netemu.testing.shims import connect, end_of, eventually_equal, eventually_says, processes, run_to_end

DEFAULT_CAPABILITIES = 0xA80425FB  # the value that a container of containerd shows


async def readable(fd: int) -> None:
    """Wait until there is something to read."""
    ready = asyncio.Event()
    asyncio.get_running_loop().add_reader(fd, ready.set)
    async with asyncio.timeout(60):
        await ready.wait()
    asyncio.get_running_loop().remove_reader(fd)


async def test_a_container_is_processes_of_its_own(client, spec):
    _, said = await run_to_end(client, spec("echo $$; hostname; ls /sys/class/net; ls -d /proc/[0-9]*"))

    assert said.split() == ["1", "web-1", "lo", "/proc/1", *said.split()[4:]]
    assert len(said.split()) <= 6  # ls itself is the only other process


async def test_nothing_of_the_machine_is_visible_but_its_programs(client, spec, places):
    script = "ls -A /home /root /run /var /tmp /opt /mnt; ls -A /; find / -xdev -type s; ls /etc/ssl"
    _, said = await run_to_end(client, spec(script))

    seen = set(said.split())
    assert seen.isdisjoint({"netemu-test", "netns", "shim.sock", "private", "spool", "dpkg", "shadow"})
    assert {"usr", "proc", "dev", "etc"} <= seen
    assert places.name not in said


async def test_the_machine_s_files_cannot_be_changed(client, spec):
    files = "/usr/x /etc/passwd /proc/sys/kernel/hostname /sys/x"
    script = f"for f in {files}; do echo 1 2>/dev/null >>$f && echo $f; done"
    _, said = await run_to_end(client, spec(script))

    assert said == ""


async def test_beside_a_mount_that_has_no_place_below_usr_something_can_be_written(client, spec, tmp_path):
    mounts = (Mount(source=str(tmp_path), target="/usr/share/no-such-place/html"),)
    script = "echo hello >/usr/share/message; cat /usr/share/message; ls -d /usr/share/no-such-place/html"
    _, said = await run_to_end(client, spec(script, mounts=mounts))
    _, read_only = await run_to_end(client, spec(script, id="c2", mounts=mounts, read_only=True))

    assert said.split() == ["hello", "/usr/share/no-such-place/html"]
    assert "Read-only file system" in read_only
    assert not Path("/usr/share/message").exists()


async def test_private_directories_can_be_written(client, spec):
    script = "for d in /tmp /var/tmp /var/log /run /root /dev/shm; do echo x >$d/x && echo ok; done"

    assert (await run_to_end(client, spec(script)))[1].split() == ["ok"] * 6


async def test_a_container_has_kubernetes_default_capabilities_and_can_gain_none(client, spec):
    _, said = await run_to_end(client, spec("grep -E '^(Cap|NoNew)' /proc/self/status"))
    status = dict(line.split(":\t") for line in said.splitlines())

    assert {name: int(value, 16) for name, value in status.items()} == {
        "CapInh": 0,
        "CapPrm": DEFAULT_CAPABILITIES,
        "CapEff": DEFAULT_CAPABILITIES,
        "CapBnd": DEFAULT_CAPABILITIES,
        "CapAmb": 0,
        "NoNewPrivs": 1,
    }


async def test_a_container_gets_its_environment_and_none_of_ours(client, spec):
    _, said = await run_to_end(client, spec("env", env={"GREETING": "a b"}))

    of_the_shell = ("PWD=", "SHLVL=", "_=")
    assert sorted(line for line in said.splitlines() if not line.startswith(of_the_shell)) == [
        "GREETING=a b",
        "HOME=/root",
        "HOSTNAME=web-1",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]


async def test_sh_knows_what_busybox_s_knows(client, spec):
    _, said = await run_to_end(client, spec("[[ -r /proc/self ]] && [ a == a ] && echo -e 'a\\tb'"))

    assert said == "a\tb\n"


async def test_a_container_inherits_no_descriptor(client, spec):
    _, said = await run_to_end(client, spec("ls /proc/$$/fd; :"))

    assert set(said.split()) == {"0", "1", "2"}


async def test_files_of_the_pod_are_mounted(client, spec, places):
    hosts = places / "run/hosts"
    hosts.write_text("10.0.0.1 web-1\n")
    mounts = (Mount(source=str(hosts), target="/etc/hosts"),)

    assert (await run_to_end(client, spec("cat /etc/hosts", mounts=mounts)))[1] == "10.0.0.1 web-1\n"


async def test_output_is_logged_by_stream_in_cri_s_format(client, spec):
    await run_to_end(client, (wanted := spec("echo out; echo err >&2; printf rest")))
    entries = [line.split(" ", 3)[1:] for line in Path(wanted.log_path).read_text().splitlines()]

    assert sorted(entries) == [["stderr", "F", "err"], ["stdout", "F", "out"], ["stdout", "P", "rest"]]


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [
        pytest.param("true", 0, "Completed", id="done"),
        pytest.param("exit 3", 3, "Error", id="failed"),
        pytest.param("sh -c 'kill -9 $$'; exit $?", 137, "Error", id="child-killed"),
    ],
)
async def test_the_end_of_a_container_is_told(client, spec, script, code, reason):
    state, _ = await run_to_end(client, spec(script))

    assert (state.running, state.exit_code, state.reason) == (False, code, reason)
    assert state.finished_at_s >= state.started_at_s


async def test_a_signal_reaches_pid_1_which_the_machine_knows_by_its_number(client, spec):
    ended = client.events()
    state = await client.create(spec("trap 'exit 7' TERM; echo ready; sleep 1000 & wait"))
    await eventually_says(spec().log_path, "ready")

    await client.signal("c1", signal.SIGTERM)

    assert state.pid
    assert (await anext(ended)).exit_code == 7


async def test_a_killed_container_ends_with_137(client, spec):
    ended = client.events()
    await client.create(spec())
    await client.signal("c1", signal.SIGKILL)

    assert (await anext(ended)).exit_code == 137


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        pytest.param(("foo",), 'exec: "foo": executable file not found in $PATH', id="not-on-the-path"),
        pytest.param(("/foo",), 'exec: "/foo": stat /foo: no such file or directory', id="no-such-file"),
    ],
)
async def test_a_command_that_does_not_exist_is_a_start_error(client, spec, argv, words):
    state = await client.create(spec(argv=argv))

    assert (state.running, state.exit_code, state.reason) == (False, 128, "StartError")
    assert state.message.endswith(words)


async def test_a_sandbox_that_cannot_be_made_is_a_start_error_in_its_words(client, spec):
    state = await client.create(spec(mounts=(Mount(source="/no/such/file", target="/etc/hosts"),)))

    assert (state.exit_code, state.reason) == (128, "StartError")
    assert "/no/such/file" in state.message


async def test_an_id_is_taken_until_its_container_is_removed(client, spec):
    await client.create(spec())
    with pytest.raises(ContainerExistsError):
        await client.create(spec())
    await client.remove("c1")
    await client.remove("c1")

    assert (await client.create(spec())).running


async def test_removing_kills_what_runs(client, spec):
    state = await client.create(spec())
    await client.remove("c1")

    assert await client.list() == ()
    assert not Path(f"/proc/{state.pid}").exists()


async def test_what_is_unknown_is_said(client, spec):
    with pytest.raises(ContainerNotFoundError):
        await client.signal("nobody", signal.SIGTERM)
    with pytest.raises(ControlError, match="no-such-netns"):
        await client.create(spec(netns="no-such-netns"))
    with pytest.raises(ContainerNotFoundError):
        await client.exec("nobody", ["true"])


async def test_a_program_joins_a_container(client, spec):
    await client.create(spec(env={"FROM": "spec"}, cwd="/tmp"))
    script = "hostname; pwd; echo $FROM; grep CapBnd /proc/self/status; cat; echo oops >&2; exit 5"
    session = await client.exec("c1", ["sh", "-c", script], stdin=True)
    os.write(session.stdin_fd, b"said on stdin\n")
    session.close_stdin()

    code, said, complained = await end_of(session)

    assert code == 5
    assert said.decode().split("\n") == [
        "web-1",
        "/tmp",
        "spec",
        f"CapBnd:\t{DEFAULT_CAPABILITIES:016x}",
        "said on stdin",
        "",
    ]
    assert complained == b"oops\n"


async def test_a_program_can_have_a_terminal_that_it_controls(client, spec):
    await client.create(spec())
    session = await client.exec(
        "c1", ["sh", "-c", "tty; stty size; echo $TERM; exit 4"], tty=True, stdin=True
    )
    await session.resize(columns=100, rows=30)

    code, said, _ = await end_of(session)

    assert code == 4
    assert said.decode().split()[0] == "/dev/pts/0"
    assert said.decode().split()[-1] == "xterm"


async def test_a_program_that_does_not_exist_fails_as_programs_do(client, spec):
    await client.create(spec())
    code, _, complained = await end_of(await client.exec("c1", ["foo"]))

    assert code == 127
    assert b'exec: "foo": executable file not found in $PATH' in complained


@pytest.mark.parametrize("tty", [False, True])
async def test_a_program_dies_with_its_session(client, spec, tty):
    await client.create(spec())
    before = processes()
    session = await client.exec("c1", ["sh", "-c", "sleep 998 & sleep 999"], tty=tty)
    await session.close()

    assert await asyncio.to_thread(eventually_equal, processes, before)


async def test_a_program_dies_with_its_container(client, spec):
    await client.create(spec())
    session = await client.exec("c1", ["sh", "-c", "echo joined; sleep 999"])
    await readable(session.stdout_fd)
    await client.remove("c1")

    assert (await end_of(session))[:2] == (137, b"joined\n")


async def test_killing_pid_1_from_inside_ends_the_container(client, spec):
    ended = client.events()
    await client.create(spec("trap 'exit 9' TERM; echo ready; sleep 1000 & wait"))
    await eventually_says(spec().log_path, "ready")
    await end_of(await client.exec("c1", ["kill", "1"]))

    assert (await anext(ended)).exit_code == 9


async def test_a_client_that_comes_back_finds_everything(client, spec, places):
    running = await client.create(spec())
    await client.create(spec("read _; exit 3", id="c2", stdin=True))
    await client.close()
    again = await connect(places)
    ended = again.events()
    await again.signal("c2", signal.SIGKILL)
    await anext(ended)
    first, second = await again.list()
    await again.close()

    assert first == running
    assert (second.id, second.exit_code) == ("c2", 137)


async def test_kill_9_of_the_shim_leaves_no_process_whatever_user_it_became(client, spec, shim):
    before = {pid for pid in processes() if pid != shim.pid and not is_child_of(pid, shim.pid)}
    await client.create(spec())
    await client.create(spec(id="c2", argv=("setpriv", "--reuid=65534", "--clear-groups", "sleep", "1000")))
    await client.create(spec(id="w", argv=("setsid", "sleep", "1000"), sandboxed=False))
    await client.exec("c1", ["setsid", "sleep", "1000"])
    shim.kill()
    shim.wait()

    assert await asyncio.to_thread(eventually_equal, processes, before)


async def test_a_worker_runs_on_the_machine(client, spec, node):
    script = "readlink /proc/self/ns/net /proc/self/ns/mnt; sleep 1000"
    state = await client.create(spec(script, sandboxed=False))
    await eventually_says(spec().log_path, "mnt")
    said = "".join([chunk.decode() async for chunk in read_log(Path(spec().log_path))])

    assert state.pid
    assert said.split() == [os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/mnt")]


def is_child_of(pid: int, parent: int) -> bool:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) == parent
