"""A pod in memory for apps: who answers what, what was run, said, and how it ended."""

from __future__ import annotations

from netemu.agnhost.model import Address, LookupFailedError, Output, Reply

Asked = tuple[str, str, int, str]
"""A protocol, an address, a port, and what is asked."""


class FakeSurroundings:
    """A working ``Surroundings``; answers that are exceptions are raised."""

    def __init__(
        self,
        answers: dict[Asked, list[bytes | Exception]] | None = None,
        names: dict[str, str] | None = None,
        output: Output | OSError = Output(b"", 0),  # noqa: B008 - a value
    ) -> None:
        self.answers = answers or {}
        self.names = names or {}
        self.output = output
        self.is_ending = False
        self.exit_code: int | None = None
        self.said: list[str] = []
        self.lines: list[str] = []
        self.ran: list[tuple[tuple[str, ...], bytes]] = []

    async def resolve(self, host: str) -> str:
        """Look up in ``names``."""
        if host not in self.names:
            raise LookupFailedError(f"lookup {host} on 10.96.0.10:53: no such host")
        return self.names[host]

    async def http_get(self, address: Address, target: str, *, within_s: float) -> Reply:
        """Give the next answer."""
        del within_s
        return Reply(200, self._answer("http", address, target))

    async def exchange(self, address: Address, data: bytes, *, within_s: float) -> bytes:
        """Give the next answer."""
        del within_s
        return self._answer("udp", address, data.decode())

    async def exchange_sctp(self, address: Address, data: bytes, *, within_s: float) -> bytes:
        """Give the next answer."""
        del within_s
        return self._answer("sctp", address, data.decode())

    async def run(self, argv: tuple[str, ...], stdin: bytes = b"") -> Output:
        """Note the command, and give ``output``."""
        self.ran.append((argv, stdin))
        if isinstance(self.output, OSError):
            raise self.output
        return self.output

    def exit(self, code: int) -> None:
        """Note the code."""
        self.exit_code = code

    def say(self, line: str) -> None:
        """Note the line."""
        self.said.append(line)

    def log(self, line: str) -> None:
        """Note the line."""
        self.lines.append(line)

    def _answer(self, protocol: str, address: Address, asked: str) -> bytes:
        answer = self.answers[protocol, address.host, address.port, asked].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
