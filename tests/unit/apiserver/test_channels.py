"""Messages of the remote command protocol."""

from __future__ import annotations

import pytest

from netemu.apiserver.exec.channels import EndOfInput, Input, Resize, exit_status, parse_message


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        pytest.param(b"\x00ls\n", Input(b"ls\n"), id="input"),
        pytest.param(b"\x00", None, id="empty-input"),
        pytest.param(b"", None, id="empty"),
        pytest.param(b"\xff\x00", EndOfInput(), id="end-of-input"),
        pytest.param(b"\xff\x01", None, id="end-of-output"),
        pytest.param(b'\x04{"Width":80,"Height":24}', Resize(80, 24), id="resize"),
        pytest.param(b'\x04{"Width":0,"Height":24}', None, id="no-size"),
        pytest.param(b'\x04{"Width":70000,"Height":24}', None, id="too-wide"),
        pytest.param(b"\x04{", None, id="bad-resize"),
        pytest.param(b"\x09x", None, id="unknown-channel"),
    ],
)
def test_a_clients_messages_are_understood(message, meaning):
    assert parse_message(message) == meaning


def test_success_has_no_exit_code():
    assert exit_status(0) == b'\x03{"metadata":{},"status":"Success"}'
