from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.runtime.framing import MAX_FRAME_BYTES, Decoder, FrameTooLargeError, encode


@given(st.lists(st.binary(max_size=40)), st.integers(min_value=1, max_value=7))
def test_payloads_come_out_as_they_went_in_however_the_stream_is_cut(payloads, step):
    stream = b"".join(encode(payload) for payload in payloads)
    decoder = Decoder()
    chunks = [stream[start : start + step] for start in range(0, len(stream), step)]

    assert [payload for chunk in chunks for payload in decoder.feed(chunk)] == payloads


def test_a_frame_that_no_honest_peer_sends_is_refused_before_it_is_read():
    with pytest.raises(FrameTooLargeError, match="at most"):
        Decoder().feed((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))


def test_a_payload_that_the_peer_would_refuse_is_not_sent():
    with pytest.raises(FrameTooLargeError):
        encode(b"x" * (MAX_FRAME_BYTES + 1))
