"""Containers of loaded images under a node's shim: their own root, runc, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from netemu.image.store import ImageStore
from netemu.runtime.container import ImageFiles, Limits, Mount
from netemu.testing.images import busybox_layer, docker_archive
from netemu.testing.shims import connect, end_of, eventually_equal, eventually_says, processes, run_to_end


@pytest.fixture
def files(places, tmp_path):
    """Give the files of an image, and the place of a container's own."""
    layer = busybox_layer(
        **{"data/own": b"of the image", "escape": "/", "usr/bin/env": b"#!/bin/sh\necho mine\n"}
    )
    docker_archive(tmp_path / "box.tar", [layer], tags=["box:v1"])
    store = ImageStore(places / "state/images")
    (image,) = store.load(tmp_path / "box.tar")

    def make(**fields):
        own = places / "state/nodes/node-1/pods/p/own"
        return ImageFiles(root=str(store.root(image)), scratch=str(own), name="box", id="sha256:1", **fields)

    return make


async def readable(fd):
    """Wait until there is something to read."""
    ready = asyncio.Event()
    asyncio.get_running_loop().add_reader(fd, ready.set)
    async with asyncio.timeout(60):
        await ready.wait()
    asyncio.get_running_loop().remove_reader(fd)


def everything_below(root):
    return {str(path): path.lstat().st_mtime_ns for path in Path(root).rglob("*")}


async def test_a_container_sees_its_image_and_nothing_of_the_machine(client, spec, files):
    state, said = await run_to_end(client, spec("ls /; hostname; ls /sys/class/net; exit 3", image=files()))

    own = ["bin", "data", "dev", "escape", "etc", "proc", "sys", "tmp", "usr"]
    assert said.split() == [*own, "web-1", "lo"]
    assert (state.exit_code, state.reason, state.image, state.image_id) == (3, "Error", "box", "sha256:1")


async def test_what_a_container_writes_ends_with_it_and_the_image_stays(client, spec, files):
    image = files()
    before = everything_below(image.root)

    _, said = await run_to_end(client, spec("echo x >/data/own; rm /bin/wget; cat /data/own", image=image))

    assert said == "x\n"
    assert everything_below(image.root) == before
    assert not os.path.lexists(image.scratch)


@pytest.mark.parametrize(
    ("user", "who"),
    [
        ("", "uid=0(root) gid=0(root) groups=0(root)"),
        ("web", "uid=1000(web) gid=1001(web) groups=1001(web),1002(extra)"),
        ("1000", "uid=1000(web) gid=1001(web) groups=1001(web),1002(extra)"),
        ("web:extra", "uid=1000(web) gid=1002(extra) groups=1002(extra)"),
        ("77:88", "uid=77 gid=88 groups=88"),
    ],
)
async def test_processes_are_the_image_s_user_also_those_that_join(client, spec, files, user, who):
    await client.create(spec("id; echo $HOME; sleep 1000", image=files(user=user)))
    await eventually_says(spec().log_path, who)

    code, said, _ = await end_of(await client.exec("c1", ["id"]))

    assert (code, said.decode().strip()) == (0, who)


async def test_a_user_whom_the_image_does_not_know_is_named(client, spec, files):
    state = await client.create(spec(image=files(user="nobody")))

    assert (state.running, state.reason, state.exit_code) == (False, "StartError", 128)
    assert "unable to find user nobody" in state.message


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (("nosuch",), 'exec: "nosuch": executable file not found in $PATH'),
        (("/bin/nosuch",), 'exec: "/bin/nosuch": stat /bin/nosuch: no such file or directory'),
        (("/data",), 'exec: "/data": is a directory'),
        ((), "no command specified"),
        (("/escape/usr/bin/python3",), "no such file or directory"),
    ],
)
async def test_a_command_that_is_not_in_the_image_is_named(client, spec, files, argv, complaint):
    state = await client.create(spec(image=files(), argv=argv))

    assert (state.running, state.reason, state.exit_code) == (False, "StartError", 128)
    assert complaint in state.message


async def test_what_the_runtime_refuses_is_said(client, spec, files):
    mount = Mount(source="/nowhere", target="/x")

    state = await client.create(spec(image=files(), mounts=(mount,)))

    assert state.reason == "StartError"
    assert "OCI runtime create failed: runc create failed: unable to start container process" in state.message
    assert "/nowhere" in state.message


async def test_a_program_joins_with_the_environment_and_rights_of_the_container(client, spec, files):
    await client.create(spec(image=files(), env={"GREETING": "hi"}, cwd="/data"))

    script = "pwd; echo $GREETING $MORE $HOME; cat own; hostname; grep -E '^(CapBnd|NoNew)' /proc/self/status"
    session = await client.exec("c1", ["sh", "-c", script], env={"MORE": "there"})
    code, said, _ = await end_of(session)

    assert code == 0
    assert said.decode().split("\n")[:3] == ["/data", "hi there /root", "of the imageweb-1"]
    assert said.decode().split()[-4:] == ["CapBnd:", "00000000a80425fb", "NoNewPrivs:", "1"]


async def test_a_program_that_is_not_in_the_image_fails_as_one(client, spec, files):
    await client.create(spec(image=files()))

    code, _, complained = await end_of(await client.exec("c1", ["python3"]))

    assert code == 127
    assert b'exec: "python3": executable file not found in $PATH' in complained


async def test_a_program_gets_a_terminal_and_ends_with_its_session(client, spec, files):
    await client.create(spec(image=files()))
    before = processes()

    session = await client.exec("c1", ["sh", "-c", "tty; sleep 998 & sleep 999"], tty=True)
    await readable(session.stdout_fd)
    said = os.read(session.stdout_fd, 100)
    await session.close()

    assert said.strip() == b"/dev/pts/0"
    assert eventually_equal(processes, before)


async def test_a_container_has_a_terminal(client, spec, files):
    await client.create(
        spec("tty; stty -echo; read x; echo got $x; sleep 1000", image=files(), tty=True, stdin=True)
    )
    session = await client.attach("c1", stdin=True)
    await eventually_says(spec().log_path, "/dev/pts/0")

    os.write(session.stdin_fd, b"this\n")

    await eventually_says(spec().log_path, "got this")
    await session.close()


async def test_the_image_s_own_stop_signal_stands_for_sigterm(client, spec, files):
    script = "trap 'exit 5' QUIT; trap '' TERM; echo ready; while :; do sleep 0.05; done"
    ended = client.events()
    await client.create(spec(script, image=files(stop_signal=signal.SIGQUIT)))
    await eventually_says(spec().log_path, "ready")

    await client.signal("c1", signal.SIGTERM)

    assert (await anext(ended)).exit_code == 5


async def test_an_image_s_volumes_can_be_written_where_nothing_else_can(client, spec, files):
    script = "cat /data/own; echo more >>/data/own && echo; touch /x 2>/dev/null || echo refused"

    _, said = await run_to_end(client, spec(script, image=files(volumes=("/data", "/fresh")), read_only=True))

    assert said.startswith("of the image\n")
    assert said.endswith("refused\n")


async def test_a_mount_does_not_follow_the_image_s_links_out(client, spec, files, places):
    (places / "state/nodes/node-1/volume").mkdir()
    mount = Mount(
        source=str(places / "state/nodes/node-1/volume"), target="/escape/run/netemu-x", read_only=False
    )

    state, _ = await run_to_end(client, spec("touch /run/netemu-x/here", image=files(), mounts=(mount,)))

    assert state.exit_code == 0
    assert (places / "state/nodes/node-1/volume/here").exists()
    assert not os.path.lexists("/run/netemu-x")


async def test_removing_kills_and_leaves_nothing(client, spec, files):
    before = processes()
    image = files()
    await client.create(spec("sleep 999 & sleep 1000", image=image))

    await client.remove("c1")

    assert eventually_equal(processes, before)
    assert not os.path.lexists(image.scratch)


async def test_a_monitor_that_is_killed_takes_its_container_along(client, spec, files):
    state = await client.create(spec(image=files()))
    ended = client.events()
    monitor = int(Path(f"/proc/{state.pid}/stat").read_text().rpartition(")")[2].split()[1])

    os.kill(monitor, signal.SIGKILL)

    assert (await anext(ended)).exit_code == 137
    assert eventually_equal(lambda: os.path.exists(f"/proc/{state.pid}"), False)


def our_mounts():
    """List the mounts that are seen here; names of networks come and go with other clusters."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if " nsfs " not in line]


async def test_mounts_and_runtime_s_state_end_with_a_killed_shim(client, shim, spec, files, places):
    mounts = our_mounts()
    state = await client.create(spec(image=files()))

    shim.kill()
    shim.wait()

    assert eventually_equal(lambda: os.path.exists(f"/proc/{state.pid}"), False)
    assert our_mounts() == mounts


async def test_a_daemon_that_comes_back_finds_the_container_and_its_image(client, spec, files, places):
    await client.create(spec(image=files()))

    again = await connect(places)
    (state,) = await again.list()
    await again.close()

    assert (state.running, state.image_id) == (True, "sha256:1")


async def test_the_runtime_s_own_memory_is_not_the_container_s(client, spec, files):
    state, said = await run_to_end(
        client, spec("echo fits", image=files(), limits=Limits(memory_bytes=4 << 20))
    )

    assert (state.exit_code, said) == (0, "fits\n")


async def test_containers_of_a_pod_share_processes_whatever_they_are_made_of(client, spec, files):
    await client.create(spec("exec sleep 1234", id="a", processes="shared:p"))
    await client.create(spec("ps; sleep 1000", image=files(), processes="shared:p"))

    await eventually_says(spec().log_path, "sleep 1234")
    await client.remove("c1")
    await client.remove("a")
