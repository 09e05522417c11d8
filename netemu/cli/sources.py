"""[IO] Where ``create configmap`` and ``create secret`` get their values from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netemu.cli.resources import UsageError


def read_values(literals: Sequence[str], files: Sequence[str], env_files: Sequence[str]) -> dict[str, bytes]:
    """Read ``KEY=VALUE`` literals, ``[KEY=]FILE`` files and directories, and files of such literals.

    Raises:
        UsageError: one cannot be read, or a key is there twice.

    """
    found: list[tuple[str, bytes]] = []
    for literal in literals:
        key, equals, value = literal.partition("=")
        if not equals or not key:
            raise UsageError(f"invalid literal source {literal}, expected key=value")
        found.append((key, value.encode()))
    for source in files:
        found += _from_file(source)
    for name in env_files:
        found += _from_env_file(name)
    values = dict(found)
    if len(values) < len(found):
        twice = next(key for key, _ in found if sum(key == other for other, _ in found) > 1)
        raise UsageError(f'cannot add key "{twice}", another key by that name already exists')
    return values


def _from_file(source: str) -> list[tuple[str, bytes]]:
    key, equals, name = source.rpartition("=")
    path = Path(name)
    if path.is_dir():
        if equals:
            raise UsageError("cannot give a key name for a directory path")
        return [(each.name, each.read_bytes()) for each in sorted(path.iterdir()) if each.is_file()]
    return [(key or path.name, _read(path))]


def _from_env_file(name: str) -> list[tuple[str, bytes]]:
    lines = [line.strip() for line in _read(Path(name)).decode().splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return [(key, value.encode()) for key, _, value in pairs]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise UsageError(f"error reading {path}: {err.strerror}") from err
