from __future__ import annotations

import pytest

from netemu.agnhost.flags import parse_flags
from netemu.agnhost.model import AppError

DEFAULTS = {"port": "80", "close": "false"}


@pytest.mark.parametrize(
    ("args", "changed"),
    [
        pytest.param((), {}, id="none"),
        pytest.param(("--port=1",), {"port": "1"}, id="with-an-equals-sign"),
        pytest.param(("-port", "1"), {"port": "1"}, id="with-a-blank"),
        pytest.param(("--close", "--port=1"), {"close": "true", "port": "1"}, id="a-switch"),
        pytest.param(("--close=false",), {}, id="a-switch-with-a-value"),
        pytest.param(("--port=a=b",), {"port": "a=b"}, id="an-equals-sign-in-the-value"),
        pytest.param(("--port=1", "--port=2"), {"port": "2"}, id="the-last-one-counts"),
    ],
)
def test_flags_are_read_as_go_reads_them(args, changed):
    assert parse_flags(args, DEFAULTS) == {**DEFAULTS, **changed}


@pytest.mark.parametrize("args", [("--no",), ("-",), ("stray",), ("--port",)])
def test_what_is_no_flag_is_an_error(args):
    with pytest.raises(AppError):
        parse_flags(args, DEFAULTS)
