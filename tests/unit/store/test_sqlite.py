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
from netemu.store import sqlite, state
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


async def test_a_follower_from_before_a_restart_goes_on_where_it_was(path):
    store = SqliteStore.open(path)
    for name in "abc":
        await store.put(f"pods/default/{name}", value(name))
    await store.put("pods/default/a", {**value(), "spec": {"n": 2}})
    await store.delete("pods/default/b")
    seen = store.watch("pods/", after=2).take_now()
    store.close()

    again = SqliteStore.open(path)

    assert again.watch("pods/", after=2).take_now() == seen
    assert [v["metadata"]["name"] for v in again.range("pods/", at=3).values] == ["a", "b", "c"]
    again.close()


async def test_what_followers_cannot_ask_for_any_more_leaves_the_file(path, monkeypatch):
    monkeypatch.setattr(sqlite, "REMOVED_AT_ONCE", 4)
    monkeypatch.setattr(state, "WINDOW_EVENTS", 3)
    store = SqliteStore.open(path)
    for number in range(20):
        await store.put("pods/default/a", value())
        await store.put(f"pods/default/{number}", value())
        await store.delete(f"pods/default/{number}")
    store.close()

    with sqlite3.connect(path) as database:
        (rows,) = database.execute("SELECT count(*) FROM writes").fetchone()
    database.close()
    again = SqliteStore.open(path)

    assert rows < 10
    assert (len(again.range("pods/").values), again.revision) == (1, 60)
    with pytest.raises(ExpiredError):
        again.watch("pods/", after=56)
    assert [event.revision for event in again.watch("pods/", after=57).take_now()] == [58, 59, 60]
    again.close()


async def test_a_compaction_outlives_the_process_and_keeps_the_revision(path):
    store = SqliteStore.open(path)
    await store.put("pods/default/a", value())
    await store.delete("pods/default/a")
    store.compact(2)
    store.close()

    again = SqliteStore.open(path)

    assert again.range("pods/") == ([], 2)
    with pytest.raises(ExpiredError):
        again.watch("pods/", after=1)
    again.close()


async def test_versions_of_an_object_share_their_memory_after_a_restart(path):
    store = SqliteStore.open(path)
    for _ in range(2):
        await store.put("pods/default/a", value())
    store.close()

    again = SqliteStore.open(path)
    first, second = again.watch("pods/", after=0).take_now()

    assert first.value["spec"] is second.value["spec"]
    again.close()


def test_a_file_of_the_first_format_is_taken_over(path):
    with sqlite3.connect(path) as database:
        database.executescript(
            """
            CREATE TABLE objects (
                id INTEGER PRIMARY KEY, key TEXT NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL);
            CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 0), revision INTEGER NOT NULL);
            INSERT INTO objects VALUES (1, 'pods/default/a', 3, '{"metadata":{"name":"a"}}');
            INSERT INTO objects VALUES (2, 'nodes/n', 2, '{"metadata":{"name":"n"}}');
            INSERT INTO head VALUES (0, 7);
            """
        )
        database.execute(f"PRAGMA application_id = {sqlite.APPLICATION_ID}")
        database.execute("PRAGMA user_version = 1")
    database.close()

    SqliteStore.open(path).close()
    store = SqliteStore.open(path)

    assert (store.get("pods/default/a").revision, store.get("nodes/n").revision) == (3, 2)
    assert store.revision == 7
    with pytest.raises(ExpiredError):
        store.watch("pods/", after=6)
    store.close()


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


def test_only_the_owner_can_read_the_file_and_its_log(path):
    store = SqliteStore.open(path)
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.glob(f"{path.name}*")}
    store.close()

    assert modes == {path.name: 0o600, f"{path.name}-wal": 0o600}


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
        pytest.param("UPDATE writes SET value = x'7b'", "the store is damaged", id="bad-json"),
        pytest.param("PRAGMA user_version = 9", "format 9, this netemu reads format 2", id="newer-format"),
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
