"""[IO] ``agnhost mounttest``: make files, and say what files are."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from functools import partial

from netemu.agnhost.flags import parse_flags, parse_number_flag
from netemu.agnhost.golang import quoted

Job = tuple[str, Callable[[str], None], str]
"""A path, what is to be done with it, and the system call that errors name."""

NEW_CONTENT = "mount-tester new file\n"

_PERMISSIONS = {f"new_file_0{octal}": int(octal, 8) for octal in ("644", "666", "660", "777")}
_FLAGS = {
    "fs_type": "",
    "file_mode": "",
    "file_perm": "",
    "file_owner": "",
    **dict.fromkeys(_PERMISSIONS, ""),
    "file_content": "",
    "file_content_in_loop": "",
    "retry_time": "180",
    "break_on_expected_content": "true",
}
_LOOK_AGAIN_S = 2.0
_EXT_MAGIC = 0xEF53  # linux/magic.h


def run(args: tuple[str, ...]) -> int:
    """Do what the flags say, in the original's order; 1 if anything failed."""
    flags = parse_flags(args, _FLAGS)
    retry_s = parse_number_flag("retry_time", flags["retry_time"])
    jobs: list[Job] = [(flags["fs_type"], _file_system, "statfs")]
    jobs += [(flags[name], partial(_write, mode=mode), "") for name, mode in _PERMISSIONS.items()]
    jobs += [
        (flags["file_mode"], _mode, "Stat"),
        (flags["file_perm"], _permissions, "Stat"),
        (flags["file_owner"], _owner, "stat"),
        (flags["file_content"], _content, ""),
    ]
    results = [_try(job, path, call) for path, job, call in jobs if path]
    if path := flags["file_content_in_loop"]:
        results.append(_loop(path, retry_s, until_expected=flags["break_on_expected_content"] == "true"))
    return 0 if all(results) else 1


def render_mode(mode: int) -> str:
    """Write a mode as Go's ``fs.FileMode`` prints itself."""
    letters = ""
    if stat.S_ISDIR(mode):
        letters += "d"
    elif stat.S_ISLNK(mode):
        letters += "L"
    for bit, letter in ((stat.S_ISUID, "u"), (stat.S_ISGID, "g"), (stat.S_ISVTX, "t")):
        letters += letter if mode & bit else ""
    return (letters or "-") + stat.filemode(mode & 0o777)[1:]


def _try(job: Callable[[str], None], path: str, call: str) -> bool:
    try:
        job(path)
    except OSError as err:
        words = f"{call.lower()} {path}: {(err.strerror or '').lower()}"
        print(f"error from {call}({quoted(path)}): {words}" if call else _file_error(job, path, err))
        return False
    return True


def _file_error(job: Callable[[str], None], path: str, err: OSError) -> str:
    what = "reading file content for" if job is _content else "writing new file"
    return f"error {what} {quoted(path)}: open {path}: {(err.strerror or '').lower()}"


def _file_system(path: str) -> None:
    with open("/proc/self/mountinfo") as mounts:
        kinds = {(fields := line.split())[4]: fields[fields.index("-") + 1] for line in mounts}
    os.stat(path)
    place = path.rstrip("/") or "/"
    while place not in kinds and place != "/":
        place = os.path.dirname(place)
    kind = kinds.get(place, "")
    if kind == "tmpfs":
        print(f"mount type of {quoted(path)}: tmpfs")
    else:
        print(f"mount type of {quoted(path)}: {_EXT_MAGIC if kind.startswith('ext') else kind}")


def _write(path: str, mode: int) -> None:
    with open(path, "w") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask is
        file.write(NEW_CONTENT)
    _content(path)


def _mode(path: str) -> None:
    print(f"mode of file {quoted(path)}: {render_mode(os.stat(path).st_mode)}")


def _permissions(path: str) -> None:
    print(f"perms of file {quoted(path)}: {render_mode(os.stat(path).st_mode & 0o777)}")


def _owner(path: str) -> None:
    found = os.stat(path)
    print(f"owner UID of {quoted(path)}: {found.st_uid}")
    print(f"owner GID of {quoted(path)}: {found.st_gid}")


def _content(path: str) -> None:
    with open(path, errors="replace") as file:
        print(f"content of file {quoted(path)}: {file.read()}", flush=True)


def _loop(path: str, retry_s: float, *, until_expected: bool) -> bool:
    """Read a file until it is as expected, or for the whole time; false if it could not be at last."""
    end_s, is_read = time.monotonic() + retry_s, True
    while time.monotonic() < end_s:
        try:
            _content(path)
        except OSError as err:
            is_read = False
            print(
                f"Error reading file {path}: open {path}: {(err.strerror or '').lower()}, retrying",
                flush=True,
            )
        else:
            is_read = True
            if until_expected and _is_expected(path):
                break
        time.sleep(_LOOK_AGAIN_S)
    return is_read


def _is_expected(path: str) -> bool:
    with open(path, errors="replace") as file:
        is_expected = file.read() == NEW_CONTENT
    if not is_expected:
        print(f"Unexpected content. Expected: {NEW_CONTENT}. Retrying", end="", flush=True)
    return is_expected
