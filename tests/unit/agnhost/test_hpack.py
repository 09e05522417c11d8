from __future__ import annotations

import pytest

from netemu.agnhost.hpack import Decoder, HpackError, unpack

# RFC 7541, C.4: three requests on one connection, with Huffman's code.
EXAMPLES = [
    ("828684418cf1e3c2e5f23a6ba0ab90f4ff", ()),
    ("828684be5886a8eb10649cbf", (("cache-control", "no-cache"),)),
    ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", (("custom-key", "custom-value"),)),
]


def test_the_rfc_s_requests_are_read_one_after_the_other():
    decoder = Decoder()
    first, second, third = (decoder.decode(bytes.fromhex(block)) for block, _ in EXAMPLES)
    common = ((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com"))

    assert first == common
    assert second == (*common, *EXAMPLES[1][1])
    assert third[1:3] == ((":scheme", "https"), (":path", "/index.html"))
    assert third[3:] == ((":authority", "www.example.com"), *EXAMPLES[2][1])


@pytest.mark.parametrize(
    ("block", "header"),
    [
        pytest.param("400a637573746f6d2d6b65790d637573746f6d2d686561646572", ("custom-key", "custom-header")),
        pytest.param("040c2f73616d706c652f70617468", (":path", "/sample/path")),
        pytest.param("100870617373776f726406736563726574", ("password", "secret")),
    ],
    ids=["remembered", "not-remembered", "never-remembered"],
)
def test_the_rfc_s_literals_are_read(block, header):
    assert Decoder().decode(bytes.fromhex(block)) == (header,)


def test_dates_and_urls_are_unpacked():
    assert (
        unpack(bytes.fromhex("d07abe941054d444a8200595040b8166e082a62d1bff"))
        == "Mon, 21 Oct 2013 20:13:21 GMT"
    )
    assert unpack(bytes.fromhex("9d29ad171863c78f0b97c8e9ae82ae43d3")) == "https://www.example.com"


def test_a_table_forgets_what_no_longer_fits():
    decoder = Decoder()
    decoder.decode(bytes.fromhex(EXAMPLES[0][0]))
    decoder.decode(b"\x20")  # from now on it holds nothing

    with pytest.raises(HpackError, match="no entry 62"):
        decoder.decode(b"\xbe")


@pytest.mark.parametrize(
    "block",
    [b"\x80", b"\xff\xff\xff\xff\xff\xff", b"\x00\x05ab", b"\x41", b"\x00\x82\xff\xff\x00"],
    ids=["entry-0", "a-number-without-end", "text-that-ends-early", "nothing", "no-code"],
)
def test_what_is_no_block_is_an_error(block):
    with pytest.raises(HpackError):
        Decoder().decode(block)
