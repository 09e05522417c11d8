import os

from netemu.agent.commands import OUTPUT_BYTES, run_command
from netemu.agent.work import PodWork
from netemu.informer.cache import Key


class Session:
    """A command that wrote to both its outputs and ended with 3."""

    def __init__(self, out: bytes, err: bytes) -> None:
        self.stdin_fd = None
        self.is_closed = False
        self.stdout_fd, self.stderr_fd = self._pipe(out), self._pipe(err)

    def _pipe(self, said):
        read_fd, write_fd = os.pipe2(os.O_NONBLOCK)
        os.write(write_fd, said)
        os.close(write_fd)
        return read_fd

    async def wait(self):
        return 3

    async def close(self):
        self.is_closed = True
        os.close(self.stdout_fd)
        os.close(self.stderr_fd)


class Containers:
    """Gives one session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def exec(self, work, pod, name, argv, *, stdin, tty):
        return self.session


async def run(session):
    work = PodWork(key=Key("default", "web"), uid="u", obj={})
    return await run_command(Containers(session), work, None, "c", ("true",))


async def test_what_a_command_says_on_both_outputs_is_kept_with_its_exit_code():
    session = Session(b"out", b"err")
    output = await run(session)

    assert (output.exit_code, sorted(output.text)) == (3, sorted("outerr"))
    assert session.is_closed


async def test_what_is_too_much_is_dropped():
    output = await run(Session(b"x" * 30_000, b""))

    assert len(output.text) == OUTPUT_BYTES
