"""What a daemon loads of aiohttp."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from netemu.apiserver.lean import skip_client
skip_client()
import netemu.apiserver.http
print("aiohttp.web_protocol" in sys.modules, "aiohttp.client" in sys.modules)
"""


def test_the_servers_modules_need_no_client():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True, timeout=60)

    assert done.stdout == b"True False\n"
