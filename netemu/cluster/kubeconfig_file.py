"""[IO] The calling user's kubeconfig: a cluster's context put in, and taken out again.

Under sudo that is the file of who called sudo, written as that user: it stays theirs.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from netemu.cluster.api_address import LOOPBACK, read_port
from netemu.cluster.kubeconfig import (
    Entry,
    KubeconfigError,
    context_name,
    current_context,
    is_empty,
    merged,
    removed,
    render,
)
from netemu.pki.files import PkiFiles
from netemu.settings import Paths

LOCK_WITHIN_S = 3.0
LOCK_EVERY_S = 0.02
NOTE = "kubeconfig.json"


class Owner(Struct, frozen=True):
    """Whose kubeconfig it is; ``home`` is where it lies unless told otherwise."""

    uid: int
    gid: int
    home: str


class Note(Struct, frozen=True, kw_only=True):
    """What ``down`` must undo."""

    file: str
    context: str
    previous: str
    owner: Owner
    is_ours: bool
    """True when there was no file before."""


def entry_for(name: str, paths: Paths) -> Entry:
    """Read what a kubeconfig says about a cluster.

    Raises:
        KubeconfigError: the cluster has no API to speak of yet.

    """
    files, port = PkiFiles(paths.pki), read_port(paths)
    if not files.exist or not port:
        raise KubeconfigError(f"cluster {name!r} was never up", hint=f"netemu up --name {name}")
    return Entry(
        context_name(name),
        f"https://{LOOPBACK}:{port}",
        files.ca.read_bytes(),
        files.admin.read_bytes(),
        files.admin_key.read_bytes(),
    )


def print_kubeconfig(name: str, paths: Paths) -> str:
    """Write a kubeconfig of one cluster alone."""
    return render(entry_for(name, paths))


def put(name: str, paths: Paths, *, file: str = "", environ: Mapping[str, str] = os.environ) -> Path:
    """Put a cluster's context into the user's kubeconfig, and make it the current one.

    Raises:
        KubeconfigError: the file is no kubeconfig, or is locked; it was left alone.

    """
    entry = entry_for(name, paths)
    owner = caller(environ)
    path = Path(file).absolute() if file else locate(owner, environ)
    noted = _read_note(paths)
    if noted is not None and noted.file != str(path):
        take_out(paths)
        noted = None
    with acting_as(owner), _changing(path):
        text = _read(path)
        current = current_context(text)
        previous = noted.previous if noted is not None and current == entry.name else current
        is_ours = not path.exists() or (noted is not None and noted.is_ours)
        _replace(path, text, merged(text, entry))
    note = Note(file=str(path), context=entry.name, previous=previous, owner=owner, is_ours=is_ours)
    _write_note(paths, note)
    return path


def take_out(paths: Paths) -> None:
    """Take a cluster's context out of the kubeconfig that ``put`` wrote; idempotent.

    Raises:
        KubeconfigError: the file is no kubeconfig, or is locked; it was left alone.

    """
    note = _read_note(paths)
    if note is None:
        return
    path = Path(note.file)
    with acting_as(note.owner):
        if path.exists():
            with _changing(path):
                text = _read(path)
                left = removed(text, note.context, note.previous)
                if note.is_ours and is_empty(left):
                    path.resolve().unlink()
                else:
                    _replace(path, text, left)
    _bequeath(paths, note)
    (paths.state / NOTE).unlink()


def caller(environ: Mapping[str, str]) -> Owner:
    """Tell who calls: under sudo, who called sudo."""
    uid = os.geteuid()
    if uid == 0 and environ.get("SUDO_USER"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(environ["SUDO_USER"])
            return Owner(found.pw_uid, found.pw_gid, found.pw_dir)
    return Owner(uid, os.getegid(), environ.get("HOME") or pwd.getpwuid(uid).pw_dir)


def locate(owner: Owner, environ: Mapping[str, str]) -> Path:
    """Find the kubeconfig to change: of KUBECONFIG's files the first that is there, else the last."""
    named = [Path(part) for part in environ.get("KUBECONFIG", "").split(":") if part]
    if not named:
        return Path(owner.home) / ".kube" / "config"
    return next((path for path in named if path.exists()), named[-1]).absolute()


@contextmanager
def acting_as(owner: Owner) -> Iterator[None]:
    """Run a block as the owner of the file: what it makes is theirs, what they may not do it may not."""
    uid, gid = os.geteuid(), os.getegid()
    if (uid, gid) == (owner.uid, owner.gid):
        yield
        return
    os.setegid(owner.gid)
    os.seteuid(owner.uid)
    try:
        yield
    except OSError as err:
        raise KubeconfigError(f"{err.filename}: {err.strerror}") from err
    finally:
        os.seteuid(uid)
        os.setegid(gid)


@contextmanager
def _changing(path: Path) -> Iterator[None]:
    """Hold the lock that client-go takes: a file that exists. Errors name the kubeconfig."""
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise KubeconfigError(f"{path} is no file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        lock = path.with_name(f"{path.name}.lock")
        _take(lock)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
    except KubeconfigError as err:
        raise KubeconfigError(f"{path}: {err.message}", hint=err.hint) from err
    except OSError as err:
        raise KubeconfigError(f"{err.filename}: {err.strerror}") from err


def _take(lock: Path) -> None:
    deadline_s = time.monotonic() + LOCK_WITHIN_S
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0))
        except FileExistsError as err:
            if time.monotonic() > deadline_s:
                raise KubeconfigError("it is locked", hint=f"If no kubectl runs, remove {lock}.") from err
            time.sleep(LOCK_EVERY_S)  # the holder tells nobody when it is done
        else:
            return


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as err:
        raise KubeconfigError("it is not text") from err


def _replace(path: Path, old: str, new: str) -> None:
    """Put the new text in place at once, also where the file is a symbolic link."""
    if new == old:
        return
    target = path.resolve()
    beside = target.with_name(f".{target.name}.netemu-{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _read_note(paths: Paths) -> Note | None:
    try:
        return msgspec.json.decode((paths.state / NOTE).read_bytes(), type=Note)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _write_note(paths: Paths, note: Note) -> None:
    new = paths.state / f"{NOTE}.new"
    new.write_bytes(msgspec.json.encode(note))
    new.replace(paths.state / NOTE)


def _bequeath(paths: Paths, gone: Note) -> None:
    """Let clusters that would go back to this context go back to the one before it."""
    for sibling in paths.state.parent.iterdir():
        theirs = Paths(state=sibling, run=paths.run)
        note = _read_note(theirs)
        if note is not None and note.file == gone.file and note.previous == gone.context:
            _write_note(theirs, msgspec.structs.replace(note, previous=gone.previous))
