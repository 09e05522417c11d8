"""Run a filter of system calls as the kernel does."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def run_filter(program: bytes, number: int, arch: int, arguments: Sequence[int] = ()) -> int:
    """Run classic BPF (``struct sock_filter``) on one call; give what it returns (linux/seccomp.h).

    It knows the instructions of the filters that are made here, and refuses others.
    """
    padded = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("=iIQ6Q", number, arch, 0, *padded)
    instructions = list(struct.iter_unpack("=HBBI", program))
    at, accumulator = 0, 0
    while True:
        code, if_true, if_false, value = instructions[at]
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, value)
            case 0x54:
                accumulator &= value
            case 0x05:
                at += value
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x25:
                at += if_true if accumulator > value else if_false
            case 0x35:
                at += if_true if accumulator >= value else if_false
            case 0x06:
                return int(value)
            case _:
                raise ValueError(f"an instruction that no filter of ours has: {code:#x}")
        at += 1
