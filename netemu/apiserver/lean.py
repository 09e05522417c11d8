"""Load of aiohttp what a server needs: its client is a third of it, in time and in memory."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec


def skip_client() -> None:
    """Let ``import aiohttp.web`` load its server alone, in a process that imports aiohttp later.

    The package's ``__init__`` imports all of it, to offer its names; its modules import each other
    directly. Nothing of that changes for a process where aiohttp is loaded already.
    """
    spec = PathFinder.find_spec("aiohttp")
    if spec is not None and "aiohttp" not in sys.modules:
        module = module_from_spec(spec)
        module.__dict__["__version__"] = ""  # what it says of itself in a header
        sys.modules["aiohttp"] = module
