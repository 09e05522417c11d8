"""[IO] The store in one SQLite file.

The file is a log: each write is a row of its own, a deletion one without a value. What followers may
still ask for (``state.WINDOW_EVENTS``) stays, so they go on after a restart where they were; rows that
are older and no longer current are removed, many at once.

WAL with ``synchronous=NORMAL``: an answered write is in the kernel's hands and survives the death of
this process, not of the machine's power. The exclusive lock keeps a second daemon out and spares the
shared-memory file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from netemu.naming import Revision
from netemu.store.errors import StoreError
from netemu.store.state import State
from netemu.store.store import Entry, Event, Listing, Object, Op
from netemu.store.watch import Watch

APPLICATION_ID = 0x6E65_656D  # "neem", at a fixed offset of the file's header
FORMAT = 2
REMOVED_AT_ONCE = 256

_SCHEMA = f"""
    CREATE TABLE IF NOT EXISTS writes (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB);
    CREATE TABLE IF NOT EXISTS bounds (
        id INTEGER PRIMARY KEY CHECK (id = 0), compacted INTEGER NOT NULL, head INTEGER NOT NULL);
    PRAGMA application_id = {APPLICATION_ID};
"""
_IS_CURRENT = f"PRAGMA user_version = {FORMAT}"
# Format 1 had current values only.
_FROM_FORMAT_1 = """
    BEGIN;
    INSERT INTO writes SELECT revision, key, value FROM objects;
    INSERT INTO bounds SELECT 0, max(r), max(r) FROM (
        SELECT 0 AS r UNION SELECT revision FROM head UNION SELECT revision FROM objects);
    DROP TABLE objects;
    DROP TABLE head;
    PRAGMA user_version = 2;
    COMMIT;
"""
_WRITE = "INSERT INTO writes (revision, key, value) VALUES (?, ?, ?)"
_REMOVE = "DELETE FROM writes WHERE revision = ?"
# A deletion's row may be removed, so the revision that it reached is kept apart.
_BOUNDS = "INSERT OR REPLACE INTO bounds (id, compacted, head) VALUES (0, ?, ?)"


class SqliteStore:
    """A ``Store`` that survives its process."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self._path = path
        self._database = database
        self._state = State()
        self._obsolete: list[int] = []

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
        self._write(revision, key, encoded)
        return self._state.record_put(key, value, previous, len(encoded))

    async def delete(self, key: str, *, expected: Revision | None = None) -> Entry:
        """Remove one key; see ``Store.delete``."""
        previous = self._state.check_exists(key, expected)
        self._write(Revision(self._state.revision + 1), key, None)
        return self._state.record_delete(key, previous)

    def watch(self, prefix: str, *, after: Revision) -> Watch[Event]:
        """Follow a prefix; see ``Store.watch``."""
        return self._state.watch(prefix, after)

    def compact(self, revision: Revision) -> None:
        """Forget the events up to a revision."""
        self._state.compact(revision)
        self._remove_obsolete()

    def end_lists(self, before: Revision) -> None:
        """Show older lists no longer; see ``Store.end_lists``."""
        self._state.end_lists(before)

    def close(self) -> None:
        """End all watches, fold the write-ahead log into the file and let go of it."""
        self._state.close()
        self._database.close()

    def _write(self, revision: Revision, key: str, encoded: bytes | None) -> None:
        try:
            if len(self._obsolete) >= REMOVED_AT_ONCE:
                self._remove_obsolete()
            self._database.execute(_WRITE, (revision, key, encoded))
        except sqlite3.Error as err:
            raise _unusable(self._path, err) from err

    def _note_obsolete(self, event: Event) -> None:
        """Note the rows that nobody can ask for any more, as an event leaves the window."""
        if event.previous is not None:
            self._obsolete.append(int(event.previous["metadata"]["resourceVersion"]))
        if event.op is Op.DELETE:
            self._obsolete.append(event.revision)

    def _remove_obsolete(self) -> None:
        with _transaction(self._database):
            self._database.executemany(_REMOVE, [(revision,) for revision in self._obsolete])
            self._database.execute(_BOUNDS, (self._state.compacted, self._state.revision))
        self._obsolete.clear()

    def _load(self) -> None:
        row = self._database.execute("SELECT compacted, head FROM bounds").fetchone()
        compacted, head = row or (0, 0)
        self._state = state = State(Revision(compacted), self._note_obsolete)
        decode = msgspec.json.Decoder(Object).decode
        for revision, key, encoded in self._database.execute(
            "SELECT revision, key, value FROM writes ORDER BY revision"
        ):
            value = decode(encoded) if encoded is not None else None
            if revision <= compacted:
                if value is not None:
                    state.load(key, Entry(value, Revision(revision)))
                continue
            state.replay(Revision(revision), key, value, len(encoded or b""))
        state.revision = max(state.revision, Revision(head))


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN")
    try:
        yield
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        with suppress(OSError):  # SQLite says why it cannot be made
            path.touch(0o600)  # its log, which has Secrets too, gets the mode that the file has now
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
    if tables and file_format not in (1, FORMAT):
        raise StoreError(
            f"{path}: the file has format {file_format}, this netemu reads format {FORMAT}",
            hint="Use the netemu that wrote it, or begin anew: netemu down, then netemu up.",
        )
    if not tables:
        database.execute("PRAGMA synchronous = OFF")  # an empty file has nothing to lose: 20 ms
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    # Folding the log into the file waits for the disk, up to 200 ms: seldom (32 MiB), not each 4 MiB.
    database.execute("PRAGMA wal_autocheckpoint = 8192")
    database.execute("PRAGMA cache_size = -512")  # KiB: all reads come from our own memory
    database.executescript(_SCHEMA)
    if tables and file_format == 1:
        database.executescript(_FROM_FORMAT_1)
    database.execute(_IS_CURRENT)


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
