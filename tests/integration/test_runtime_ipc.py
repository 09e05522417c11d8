"""Containers of a pod share semaphores, queues and shared memory; those of others have their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.runtime.container import Mount
from netemu.testing.shims import run_to_end

WHICH = "readlink /proc/self/ns/ipc"


@pytest.fixture
def pod(places):
    """Give the fields that containers of a pod share, by its name."""

    def of(name):
        place = places / "run" / name
        place.mkdir(exist_ok=True)
        there = str(place)
        shm = Mount(
            source=there, target="/dev/shm", read_only=False, memory_at=there, memory_bytes=1024 * 1024
        )
        return {"ipc": there, "mounts": (shm,)}

    return of


async def said_by(client, container):
    """Give what a container says; all of a test's have one log."""
    log = Path(container.log_path)
    before = len(log.read_text().splitlines()) if log.exists() else 0
    _, said = await run_to_end(client, container)
    return said.splitlines()[before:]


async def test_what_one_container_leaves_another_of_its_pod_finds(client, spec, pod):
    await run_to_end(client, spec("ipcmk -Q; echo hello > /dev/shm/word", id="c1", **pod("web")))
    after = "ipcs -q | grep -c 0x; cat /dev/shm/word; readlink /proc/1/ns/ipc"
    first, word, namespace = await said_by(client, spec(after, id="c2", **pod("web")))
    other = await said_by(client, spec(f"ipcs -q | grep -c 0x; ls /dev/shm; {WHICH}", id="c3", **pod("db")))

    assert (first, word) == ("1", "hello")
    assert other[0] == "0"
    assert other[1:] != [namespace]
    assert "word" not in other


async def test_sysctls_of_a_shared_namespace_are_set_in_it(client, spec, pod):
    sysctls = {"kernel.shm_rmid_forced": "1"}
    script = "cat /proc/sys/kernel/shm_rmid_forced"

    assert await said_by(client, spec(script, sysctls=sysctls, **pod("web"))) == ["1"]
    assert await said_by(client, spec(script, id="c2", **pod("web"))) == ["1"]
    assert await said_by(client, spec(script, id="c3", **pod("db"))) == ["0"]


async def test_a_pods_shared_memory_has_a_size(client, spec, pod):
    script = "head -c 2000000 /dev/zero > /dev/shm/much 2>/dev/null || stat -c %s /dev/shm/much"

    assert await said_by(client, spec(script, **pod("web"))) == [str(1024 * 1024)]
