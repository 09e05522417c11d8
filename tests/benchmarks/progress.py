"""What people see while something is measured."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Say what is measured now; on standard error, for results may go to standard output."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
