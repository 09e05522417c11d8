"""Messages of the remote command protocol."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.apiserver.exec.channels import (
    EndOfInput,
    Input,
    Resize,
    exit_status,
    from_text,
    parse_message,
    render_status,
    to_text,
)


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


@pytest.mark.parametrize(
    ("code", "protocol", "words"),
    [
        pytest.param(0, "v4.channel.k8s.io", b'{"metadata":{},"status":"Success"}', id="success"),
        pytest.param(0, "v3.channel.k8s.io", b"", id="old-success"),
        pytest.param(
            7, "v2.channel.k8s.io", b"command terminated with non-zero exit code: exit status 7", id="old"
        ),
    ],
)
def test_the_end_is_told_as_the_protocols_version_has_it(code, protocol, words):
    assert render_status(exit_status(code), protocol) == words


@given(st.integers(0, 9), st.binary(max_size=50))
def test_messages_in_text_are_the_same_messages(channel, data):
    assert from_text(to_text(bytes((channel,)) + data)) == bytes((channel,)) + data


@given(st.text(max_size=20))
def test_no_text_does_worse_than_no_message(text):
    assert isinstance(from_text(text), bytes)
