import struct

from netemu.linux import netlink
from netemu.linux.messages import Message


def error(number: int, flags: int, *attributes: bytes, request: bytes = b"") -> bytes:
    inner = struct.pack("=IHHII", 16 + len(request), 16, 0, 1, 0) + request
    body = struct.pack("=i", -number) + inner + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), 2, flags, 1, 0) + body


def words(text: bytes) -> bytes:
    length = 4 + len(text) + 1
    return struct.pack("=HH", length, 1) + text + b"\0" * (1 + -length % 4)


def test_an_ack_is_an_error_with_number_zero():
    assert netlink._error(error(0, 0)) == (0, "")


def test_the_kernels_words_are_read_behind_a_capped_request():
    assert netlink._error(error(22, 0x300, words(b"no such thing"))) == (22, "no such thing")


def test_the_kernels_words_are_read_behind_a_whole_request():
    data = error(22, 0x200, words(b"no such thing"), request=b"12345678")

    assert netlink._error(data) == (22, "no such thing")


def test_other_attributes_before_the_words_are_skipped():
    offset = struct.pack("=HHI", 8, 2, 99)

    assert netlink._error(error(1, 0x300, offset, words(b"why"))) == (1, "why")


def test_what_one_read_gives_is_split_into_messages():
    first, second = error(0, 0), error(22, 0x300, words(b"odd length"))
    parsed = list(netlink._parse(first + second))

    assert [data for *_, data in parsed] == [first, second]


def test_a_message_is_framed_with_its_length_and_padded():
    frame = netlink._frame(Message("x", 16, 0x400, b"123"), 4, 7)

    assert len(frame) == 20
    assert struct.unpack_from("=IHHII", frame) == (19, 16, 0x405, 7, 0)
