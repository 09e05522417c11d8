"""[IO] The store in one SQLite file.

The file holds current values only; recent events live in memory, so a follower from before a
restart lists again. WAL with ``synchronous=NORMAL``: an answered write is in the kernel's hands
and survives the death of this process, not of the machine's power. The exclusive lock keeps a
second daemon out and spares the shared-memory file.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from netemu.naming import Revision
from netemu.store.errors import StoreError
from netemu.store.state import State
from netemu.store.store import Entry, Event, Listing, Object
from netemu.store.watch import Watch

APPLICATION_ID = 0x6E65_656D  # "neem", at a fixed offset of the file's header
FORMAT = 1

_SCHEMA = f"""
    CREATE TABLE IF NOT EXISTS objects (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 0), revision INTEGER NOT NULL);
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {FORMAT};
"""
_PUT = "INSERT OR REPLACE INTO objects (id, key, revision, value) VALUES (?, ?, ?, ?)"
# Deletions leave no row behind, so the revision that they reached is kept apart.
_HEAD = "INSERT OR REPLACE INTO head (id, revision) VALUES (0, ?)"


class SqliteStore:
    """A ``Store`` that survives its process."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self._path = path
        self._database = database
        self._state = State()
        self._row_ids: dict[str, int] = {}
        self._last_row_id = 0

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> SqliteStore:
        """Open a store's file, and make it if there is none and ``create`` allows it.

        Raises:
            StoreError: there is no such file or directory, another process has it open, it is no
                store of netemu, or it is damaged.

        """
        if not create and not path.exists():
            raise StoreError(f"{path}: no such file", hint="Start the cluster: netemu up.")
        if not path.parent.is_dir():
            raise StoreError(f"{path.parent}: no such directory", hint="Start the cluster: netemu up.")
        try:
            return cls._open(path)
        except (sqlite3.Error, msgspec.DecodeError) as err:
            raise _unusable(path, err) from err

    @classmethod
    def _open(cls, path: Path) -> SqliteStore:
        database = _connect(path)
        store = cls(path, database)
        try:
            store._load()
        except (sqlite3.Error, msgspec.DecodeError):
            database.close()
            raise
        return store

    @property
    def revision(self) -> Revision:
        """The revision of the last write."""
        return self._state.revision

    def get(self, key: str) -> Entry | None:
        """Read one key."""
        return self._state.get(key)

    def range(self, prefix: str, at: Revision | None = None) -> Listing:
        """Read all keys under a prefix; see ``Store.range``."""
        return self._state.range(prefix, at)

    async def put(self, key: str, value: Object, *, expected: Revision | None = None) -> Entry:
        """Write one key; see ``Store.put``."""
        previous = self._state.check(key, expected)
        revision = Revision(self._state.revision + 1)
        value["metadata"]["resourceVersion"] = str(revision)
        encoded = msgspec.json.encode(value)
        row_id = self._row_ids.get(key) or self._last_row_id + 1
        try:
            self._database.execute(_PUT, (row_id, key, revision, encoded))
        except sqlite3.Error as err:
            raise _unusable(self._path, err) from err
        self._row_ids[key] = row_id
        self._last_row_id = max(self._last_row_id, row_id)
        return self._state.record_put(key, value, previous, len(encoded))

    async def delete(self, key: str, *, expected: Revision | None = None) -> Entry:
        """Remove one key; see ``Store.delete``."""
        previous = self._state.check_exists(key, expected)
        try:
            self._delete_row(self._row_ids[key])
        except sqlite3.Error as err:
            raise _unusable(self._path, err) from err
        del self._row_ids[key]
        return self._state.record_delete(key, previous)

    def watch(self, prefix: str, *, after: Revision) -> Watch[Event]:
        """Follow a prefix; see ``Store.watch``."""
        return self._state.watch(prefix, after)

    def compact(self, revision: Revision) -> None:
        """Forget the events up to a revision."""
        self._state.compact(revision)

    def close(self) -> None:
        """End all watches, fold the write-ahead log into the file and let go of it."""
        self._state.close()
        self._database.close()

    def _delete_row(self, row_id: int) -> None:
        self._database.execute("BEGIN")
        try:
            self._database.execute("DELETE FROM objects WHERE id = ?", (row_id,))
            self._database.execute(_HEAD, (self._state.revision + 1,))
            self._database.execute("COMMIT")
        except sqlite3.Error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def _load(self) -> None:
        (head,) = self._database.execute("SELECT coalesce(max(revision), 0) FROM head").fetchone()
        self._state = State(Revision(head))
        decode = msgspec.json.Decoder(Object).decode
        rows = self._database.execute("SELECT id, key, revision, value FROM objects ORDER BY key")
        for row_id, key, revision, encoded in rows:
            self._row_ids[key] = row_id
            self._last_row_id = max(self._last_row_id, row_id)
            self._state.load(key, Entry(decode(encoded), Revision(revision)))


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=0.5)
    try:
        _prepare(path, database)
    except (sqlite3.Error, StoreError):
        database.close()
        raise
    path.chmod(0o600)
    return database


def _prepare(path: Path, database: sqlite3.Connection) -> None:
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    (application_id,) = database.execute("PRAGMA application_id").fetchone()
    (file_format,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise StoreError(f"{path}: not a store of netemu", hint="Move the file away, then: netemu up.")
    if tables and file_format != FORMAT:
        raise StoreError(
            f"{path}: the file has format {file_format}, this netemu reads format {FORMAT}",
            hint="Use the netemu that wrote it, or begin anew: netemu down, then netemu up.",
        )
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    # Folding the log into the file waits for the disk, up to 200 ms: seldom (32 MiB), not each 4 MiB.
    database.execute("PRAGMA wal_autocheckpoint = 8192")
    database.execute("PRAGMA cache_size = -512")  # KiB: all reads come from our own memory
    database.executescript(_SCHEMA)


def _unusable(path: Path, err: Exception) -> StoreError:
    if isinstance(err, sqlite3.OperationalError) and "locked" in str(err):
        return StoreError(
            f"{path}: another process has the store open", hint="Only one daemon may run: netemu status."
        )
    if isinstance(err, sqlite3.OperationalError):
        return StoreError(f"{path}: {err}", hint="Check that the disk has room and the file is writable.")
    return StoreError(
        f"{path}: the store is damaged: {err}",
        hint="Begin anew: netemu down, then netemu up; or put back a copy of the file.",
    )
