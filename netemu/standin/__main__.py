"""``python -m netemu.standin``: the stand-in server, without what asyncio brings for TLS (4 MB)."""

import sys

sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio does without

from netemu.standin.server import main  # noqa: E402 - after that

main()
