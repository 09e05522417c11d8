"""Who an image's user is, by the image's own passwd and group. Pure.

Source: https://github.com/opencontainers/image-spec/blob/main/config.md (``User``), passwd(5), group(5).
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Iterator

    from netemu.runtime.wire import UserJson


class UnknownUserError(Exception):
    """A name that the image's files do not have; the text is containerd's."""


def find_user(text: str, passwd: str, group: str) -> UserJson:
    """Read ``user``, ``uid``, ``user:group``, ``uid:gid`` and so on; nothing is root.

    Without a group it is the user's own, and the groups that list the user are added.

    Raises:
        UnknownUserError: a name is in neither file.

    """
    name, colon, group_name = text.partition(":")
    uid, gid, login = _user(name or "0", passwd)
    groups: list[int] = []
    if colon and group_name:
        gid = _group(group_name, group)
    elif login:
        groups = [
            int(line[2]) for line in _lines(group, 4) if login in line[3].split(",") and int(line[2]) != gid
        ]
    return {"uid": uid, "gid": gid, "groups": groups}


def home_of(uid: int, passwd: str) -> str:
    """Give a user's home; "/" for one that passwd does not know, as runc does."""
    homes = (line[5] for line in _lines(passwd, 6) if int(line[2]) == uid)
    return next(homes, "/") or "/"


def _user(name: str, passwd: str) -> tuple[int, int, str]:
    if name.isdecimal():
        known = next((line for line in _lines(passwd, 6) if int(line[2]) == int(name)), None)
        return int(name), int(known[3]) if known else 0, known[0] if known else ""
    for line in _lines(passwd, 6):
        if line[0] == name:
            return int(line[2]), int(line[3]), name
    raise UnknownUserError(f"unable to find user {name}: no matching entries in passwd file")


def _group(name: str, group: str) -> int:
    if name.isdecimal():
        return int(name)
    for line in _lines(group, 3):
        if line[0] == name:
            return int(line[2])
    raise UnknownUserError(f"unable to find group {name}: no matching entries in group file")


def _lines(text: str, fields: int) -> Iterator[list[str]]:
    """Give the lines that are whole, and whose numbers are numbers."""
    for line in text.splitlines():
        words = line.split(":")
        if len(words) >= fields and words[2].isdecimal() and (fields < 6 or words[3].isdecimal()):
            yield words
