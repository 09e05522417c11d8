"""What holds for all unit tests: the cases of properties, and where sockets may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

# The same cases on every machine, however slow: cases that differ by the run would fail a change for what it
# did not do. `--hypothesis-profile=default` has Hypothesis look for others, within its own bounds of time.
settings.register_profile(
    "same-cases", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same-cases")


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """Give the path of a socket, which may not be as long as ``tmp_path`` can be."""
    with TemporaryDirectory() as directory:
        yield Path(directory) / "api.sock"
