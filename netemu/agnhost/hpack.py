"""Headers of HTTP/2, decoded. Pure; RFC 7541.

Its Huffman code is canonical, so the lengths of the codes are enough. Those of bytes that no header's
text has (control characters, and what is not ASCII) are left out.
"""

from __future__ import annotations

from functools import lru_cache

Headers = tuple[tuple[str, str], ...]

MAX_TABLE_BYTES = 4096
_ENTRY_BYTES = 32  # what each entry counts besides its text
_LENGTHS = {
    5: "012aceiost",
    6: " %-./3456789=A_bdfghlmnpru",
    7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: "&*,;XZ",
    10: '!"()?',
    11: "'+|",
    12: "#>",
    13: "\0$@[]~",
    14: "^}",
    15: "<`{",
    19: "\\",
}
_NAMES = """\
accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control
content-disposition content-encoding content-language content-length content-location content-range
content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range
if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range
referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary
via www-authenticate"""
_STATIC = (
    (":authority", ""),
    *((":method", method) for method in ("GET", "POST")),
    *((":path", path) for path in ("/", "/index.html")),
    *((":scheme", scheme) for scheme in ("http", "https")),
    *((":status", status) for status in ("200", "204", "206", "304", "400", "404", "500")),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    *((name, "") for name in _NAMES.split()),
)


class HpackError(ValueError):
    """A block of headers that cannot be understood: the connection is lost."""


class Decoder:
    """One direction of a connection: later blocks refer to what earlier ones said."""

    def __init__(self) -> None:
        self._table: list[tuple[str, str]] = []
        self._max_bytes = MAX_TABLE_BYTES

    def decode(self, block: bytes) -> Headers:
        """Read a block.

        Raises:
            HpackError: it is none.

        """
        found, offset = [], 0
        try:
            while offset < len(block):
                first = block[offset]
                if first & 0x80:
                    index, offset = _integer(block, offset, 7)
                    found.append(self._entry(index))
                elif first & 0x40:
                    entry, offset = self._literal(block, offset, 6)
                    self._remember(entry)
                    found.append(entry)
                elif first & 0x20:
                    self._max_bytes, offset = _integer(block, offset, 5)
                    self._forget()
                else:
                    entry, offset = self._literal(block, offset, 4)
                    found.append(entry)
        except IndexError as err:
            raise HpackError("the block ends early") from err
        return tuple(found)

    def _literal(self, block: bytes, offset: int, bits: int) -> tuple[tuple[str, str], int]:
        index, offset = _integer(block, offset, bits)
        if index:
            name = self._entry(index)[0]
        else:
            name, offset = _text(block, offset)
        value, offset = _text(block, offset)
        return (name, value), offset

    def _entry(self, index: int) -> tuple[str, str]:
        if not 0 < index <= len(_STATIC) + len(self._table):
            raise HpackError(f"there is no entry {index}")
        return _STATIC[index - 1] if index <= len(_STATIC) else self._table[index - len(_STATIC) - 1]

    def _remember(self, entry: tuple[str, str]) -> None:
        self._table.insert(0, entry)
        self._forget()

    def _forget(self) -> None:
        limit = min(self._max_bytes, MAX_TABLE_BYTES)
        while self._table and sum(len(n) + len(v) + _ENTRY_BYTES for n, v in self._table) > limit:
            self._table.pop()


def _integer(block: bytes, offset: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[offset] & most
    offset += 1
    if value < most:
        return value, offset
    for shift in range(0, 28, 7):
        byte = block[offset]
        offset += 1
        value += (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, offset
    raise HpackError("a number is too large")


def _text(block: bytes, offset: int) -> tuple[str, int]:
    is_packed = block[offset] & 0x80
    length, offset = _integer(block, offset, 7)
    data = block[offset : offset + length]
    if len(data) < length:
        raise IndexError
    return (unpack(data) if is_packed else data.decode("latin-1")), offset + length


def unpack(data: bytes) -> str:
    """Decode Huffman's code.

    Raises:
        HpackError: it has a code that is none of ours.

    """
    codes, found, code, length = _codes(), [], 0, 0
    for byte in data:
        for position in range(7, -1, -1):
            code, length = code << 1 | byte >> position & 1, length + 1
            letter = codes.get((length, code))
            if letter is not None:
                found.append(letter)
                code, length = 0, 0
    if length > 7 or code != (1 << length) - 1:
        raise HpackError("no code of Huffman's ends here")
    return "".join(found)


@lru_cache(maxsize=1)
def _codes() -> dict[tuple[int, int], str]:
    """Give the letters by the length of their code and the code."""
    codes, code, before = {}, 0, 0
    for length, letters in _LENGTHS.items():
        code <<= length - before
        for letter in letters:
            codes[length, code] = letter
            code += 1
        before = length
    return codes
