"""[IO] A watch over WebSocket: one message for each event, as browsers and some clients ask for."""

from __future__ import annotations

from netemu.apiserver.onewaysocket import OneWaySocket


class WatchSocket(OneWaySocket):
    """Takes lines as an HTTP answer does, and sends each as a message."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""

    async def write(self, data: bytes | bytearray | memoryview[int] | memoryview[bytes]) -> None:
        """Send the lines that are complete."""
        *lines, self._rest = (self._rest + bytes(data)).split(b"\n")
        for line in lines:
            await self.send_str(line.decode())
