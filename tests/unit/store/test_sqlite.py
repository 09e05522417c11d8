"""What only the store with a file promises."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from netemu.api.errors import ExpiredError
from netemu.store.errors import StoreError
from netemu.store.sqlite import SqliteStore

WRITE_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from netemu.store.sqlite import SqliteStore

async def main():
    store = SqliteStore.open(Path(sys.argv[1]))
    for number in range(100):
        await store.put(f"pods/default/{number}", {"metadata": {"name": str(number)}})
    await store.delete("pods/default/99")
    print(store.revision, flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def value(name: str = "a"):
    return {"metadata": {"name": name}, "spec": {"n": 1}}


async def test_values_and_revision_come_back_after_closing(path):
    store = SqliteStore.open(path)
    await store.put("pods/default/a", value())
    await store.put("pods/default/a", value())
    await store.put("nodes/n", value("n"))
    store.close()

    again = SqliteStore.open(path)

    assert again.get("pods/default/a").value == store.get("pods/default/a").value
    assert again.get("pods/default/a").revision == 2
    assert again.revision == 3
    again.close()


async def test_the_revision_never_goes_back_after_a_deletion(path):
    store = SqliteStore.open(path)
    await store.put("pods/default/a", value())
    await store.delete("pods/default/a")
    store.close()

    again = SqliteStore.open(path)

    assert again.range("pods/") == ([], 2)
    assert (await again.put("pods/default/a", value())).revision == 3
    again.close()


async def test_keys_keep_their_rows_apart_after_reopening(path):
    store = SqliteStore.open(path)
    for name in "abc":
        await store.put(f"pods/default/{name}", value(name))
    await store.delete("pods/default/c")
    store.close()

    again = SqliteStore.open(path)
    await again.put("pods/default/d", value("d"))
    await again.put("pods/default/a", value("a2"))
    again.close()

    third = SqliteStore.open(path)
    assert [v["metadata"]["name"] for v in third.range("pods/").values] == ["a2", "b", "d"]
    third.close()


async def test_a_follower_from_before_a_restart_must_list_again(path):
    store = SqliteStore.open(path)
    await store.put("pods/default/a", value())
    await store.put("pods/default/a", value())
    store.close()

    again = SqliteStore.open(path)

    with pytest.raises(ExpiredError):
        again.watch("pods/", after=1)
    again.watch("pods/", after=2)
    again.close()


def test_answered_writes_survive_kill_9(path):
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_UNTIL_KILLED, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as writer:
        revision = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)

    store = SqliteStore.open(path)

    assert store.revision == revision == 101
    assert len(store.range("pods/").values) == 99
    store.close()


def test_only_the_owner_can_read_the_file(path):
    SqliteStore.open(path).close()

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_missing_file_is_named(path):
    with pytest.raises(StoreError, match=r"store\.db: no such file"):
        SqliteStore.open(path, create=False)


def test_a_missing_directory_is_named(path):
    with pytest.raises(StoreError, match="nowhere: no such directory"):
        SqliteStore.open(path.parent / "nowhere" / "store.db")


def test_a_second_daemon_is_kept_out(path):
    store = SqliteStore.open(path)

    with pytest.raises(StoreError, match="another process has the store open"):
        SqliteStore.open(path)
    store.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path):
    path.write_bytes(b"not a database" * 100)

    with pytest.raises(StoreError, match="the store is damaged"):
        SqliteStore.open(path)
    assert path.read_bytes() == b"not a database" * 100


def test_another_programs_database_is_refused(path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()

    with pytest.raises(StoreError, match="not a store of netemu"):
        SqliteStore.open(path)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        pytest.param("UPDATE objects SET value = x'7b'", "the store is damaged", id="bad-json"),
        pytest.param("PRAGMA user_version = 9", "format 9, this netemu reads format 1", id="newer-format"),
    ],
)
async def test_damage_is_told_apart(path, statement, message):
    store = SqliteStore.open(path)
    await store.put("pods/default/a", value())
    store.close()
    with sqlite3.connect(path) as database:
        database.execute(statement)
    database.close()

    with pytest.raises(StoreError, match=message):
        SqliteStore.open(path)
