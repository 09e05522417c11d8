"""[IO] ``cp``: files into and out of pods, as a tar archive through a command."""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from netemu.api.kinds import POD
from netemu.apiclient.exec import RemoteCommand, exec_in_pod
from netemu.cli.files import CopyRequest
from netemu.cli.resources import Selection
from netemu.cli.session import Session
from netemu.cli.verbs.pods import container_of, pod_for
from netemu.errors import NetemuError

CHUNK_BYTES = 64 * 1024
IN_MEMORY_BYTES = 8 << 20


class CopyError(NetemuError):
    """A file cannot be read or written, here or there."""

    code = "CLI_COPY_FAILED"


async def copy_files(session: Session, request: CopyRequest) -> None:
    """Copy a file or a directory.

    Raises:
        CopyError: what the other end's tar said, or what is missing here.

    """
    pod = await pod_for(session, Selection(kind=POD, names=(request.pod,)), request.namespace)
    remote = Remote(session.socket, request, container_of(pod, request.container))
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as archive:
        if request.to_pod:
            target = request.remote
            if await remote.is_directory(target):
                target /= request.local.resolve().name
            await asyncio.to_thread(_pack, archive, request.local, target.name)
            archive.seek(0)
            await remote.unpack(archive, target.parent)
        else:
            await remote.pack(archive, request.remote)
            archive.seek(0)
            await asyncio.to_thread(_unpack, archive, request.remote, request.local)


class Remote:
    """The programs that read and write files in the pod."""

    def __init__(self, socket: Path, request: CopyRequest, container: str) -> None:
        self._socket = socket
        self._request = request
        self._container = container

    async def is_directory(self, path: PurePosixPath) -> bool:
        """Tell whether a path is a directory there."""
        async with self._run(["test", "-d", str(path)]) as command:
            _ = [output async for output in command.outputs()]
            return command.exit_code == 0

    async def pack(self, archive: IO[bytes], path: PurePosixPath) -> None:
        """Fill an archive with a path's files."""
        async with self._run(["tar", "cf", "-", str(path)]) as command:
            _judge(command, await _take(command, archive))

    async def unpack(self, archive: IO[bytes], directory: PurePosixPath) -> None:
        """Write an archive's files below a directory."""
        argv = ["tar", "-xmf", "-", "-C", str(directory)]
        async with self._run(argv, stdin=True) as command:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(_send(command, archive))
                complaints = await _take(command, io.BytesIO())
                sending.cancel()
            _judge(command, complaints)

    @asynccontextmanager
    async def _run(self, argv: Sequence[str], *, stdin: bool = False) -> AsyncIterator[RemoteCommand]:
        namespace, pod = self._request.namespace, self._request.pod
        async with exec_in_pod(
            self._socket, namespace, pod, argv, container=self._container, stdin=stdin
        ) as command:
            yield command


async def _send(command: RemoteCommand, archive: IO[bytes]) -> None:
    while data := archive.read(CHUNK_BYTES):
        await command.write(data)
    await command.end_input()


async def _take(command: RemoteCommand, output: IO[bytes]) -> str:
    """Take a command's output, and give what it complained of."""
    complaints = b""
    async for piece in command.outputs():
        if piece.stream == "stdout":
            output.write(piece.data)
        else:
            complaints += piece.data
    return complaints.decode(errors="replace").strip()


def _judge(command: RemoteCommand, words: str) -> None:
    """Fail as a command failed, in its own words."""
    if command.exit_code:
        raise CopyError(words or f"tar ended with exit code {command.exit_code}")
    if words:
        print(words, file=sys.stderr)


def _pack(archive: IO[bytes], path: Path, name: str) -> None:
    try:
        with tarfile.open(fileobj=archive, mode="w|") as tar:
            tar.add(path, arcname=name)
    except OSError as err:
        raise CopyError(f"{path}: {err.strerror}") from err


def _unpack(archive: IO[bytes], remote: PurePosixPath, local: Path) -> None:
    """Write an archive's files here; ``local`` names the copy, or the directory that it comes into.

    As kubectl: links are left out, and nothing is written elsewhere, whatever the archive says.
    (tarfile's own filters are younger than the oldest Python that netemu runs on.)
    """
    target = local / remote.name if local.is_dir() else local
    prefix = str(remote).lstrip("/")
    try:
        with tarfile.open(fileobj=archive, mode="r|") as tar:
            for member in tar:
                rest = PurePosixPath(member.name.lstrip("/").removeprefix(prefix).lstrip("/"))
                _unpack_one(tar, member, target / rest if ".." not in rest.parts else None)
    except (OSError, tarfile.TarError) as err:
        raise CopyError(f"{target}: {err}") from err


def _unpack_one(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path | None) -> None:
    content = tar.extractfile(member) if member.isreg() else None
    if path is None or (content is None and not member.isdir()):
        print(f"warning: skipping {member.name}", file=sys.stderr)
    elif content is None:
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(content, file)
        path.chmod(member.mode & 0o777)
