"""A node's own filter of system calls (seccomp, Localhost): from an OCI profile to what the kernel takes.

An OCI runtime reads profiles itself. For what has none, libseccomp, which runc needs anyway, compiles them.

Source: https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp; what a runtime
makes of it is runc's (libcontainer/seccomp).
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_LIBRARY = "libseccomp.so.2"
_ACTIONS = {
    "KILL": 0x00000000,
    "KILL_THREAD": 0x00000000,
    "KILL_PROCESS": 0x80000000,
    "TRAP": 0x00030000,
    "ERRNO": 0x00050000,
    "TRACE": 0x7FF00000,
    "LOG": 0x7FFC0000,
    "ALLOW": 0x7FFF0000,
}  # linux/seccomp.h
_WITH_NUMBER = ("ERRNO", "TRACE")
_LENIENT = ("ALLOW", "LOG", "TRACE")
_OPERATORS = ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")  # from 1 on (seccomp.h)
_UNKNOWN = -1
_X32 = 0x40000000
_LOAD, _IF_EQUAL, _IF_GREATER, _RETURN = 0x20, 0x15, 0x25, 0x06  # linux/bpf_common.h
_NUMBER, _ARCH = 0, 4  # offsets in seccomp_data
_NOT_THERE = 0x00050026  # ENOSYS


LOADER = """
import ctypes, os, sys
with open(int(sys.argv[1]), "rb") as file:
    code = ctypes.create_string_buffer(text := file.read(), len(text))
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))
wanted = Program(len(code) // 8, ctypes.addressof(code))
name, *_ = argv = sys.argv[2:]
places = [name] if "/" in name else [f"{place}/{name}" for place in os.environ["PATH"].split(":")]
found = next((place for place in places if os.access(place, os.X_OK)), name)
if ctypes.CDLL(None, use_errno=True).prctl(22, 2, ctypes.byref(wanted), 0, 0):
    sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
os.execv(found, argv)
"""
"""A program that filters its own calls as a descriptor says, and becomes another."""


class ProfileError(Exception):
    """A profile cannot be used; the text says why."""


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def compile_profile(text: str) -> bytes:
    """Give the filter that an OCI profile (JSON) stands for.

    Raises:
        ProfileError: it says what there is not, or this machine has no libseccomp.

    """
    try:
        return _compile(json.loads(text))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as err:
        raise ProfileError(f"this is no profile: {err}") from err


def _compile(profile: dict[str, Any]) -> bytes:
    library = _load()
    default = _action(profile.get("defaultAction", ""), profile.get("defaultErrnoRet"))
    context = library.seccomp_init(ctypes.c_uint32(default))
    if not context:
        raise ProfileError("the filter cannot be made")
    try:
        highest = _add_all(library, ctypes.c_void_p(context), profile, default)
        program = _export(library, ctypes.c_void_p(context))
    finally:
        library.seccomp_release(ctypes.c_void_p(context))
    is_strict = _plain(profile["defaultAction"]) not in _LENIENT
    return _unknown_later(library, highest) + program if is_strict else program


def _add_all(library: ctypes.CDLL, context: ctypes.c_void_p, profile: dict[str, Any], default: int) -> int:
    """Add all rules; give the highest number of a call that the profile knows."""
    for name in profile.get("architectures") or ():
        token = library.seccomp_arch_resolve_name(name.removeprefix("SCMP_ARCH_").lower().encode())
        library.seccomp_arch_add(
            context, ctypes.c_uint32(token)
        )  # refused if it is there, or another machine's
    highest = 0
    for rule in profile.get("syscalls") or ():
        action = _action(rule.get("action", ""), rule.get("errnoRet"))
        for name in rule.get("names") or ():
            number = library.seccomp_syscall_resolve_name(name.encode())
            highest = max(highest, number)
            if number != _UNKNOWN and action != default:
                for comparisons in _alternatives(rule.get("args") or []):
                    _add(library, context, action, number, comparisons)
    return highest


def _add(
    library: ctypes.CDLL, context: ctypes.c_void_p, action: int, number: int, comparisons: list[_Comparison]
) -> None:
    array = (_Comparison * len(comparisons))(*comparisons)
    code = library.seccomp_rule_add_array(
        context, ctypes.c_uint32(action), ctypes.c_int(number), ctypes.c_uint(len(comparisons)), array
    )
    if code:
        raise ProfileError(f"a rule cannot be added: {os.strerror(-code)}")


def _alternatives(arguments: list[dict[str, Any]]) -> Iterator[list[_Comparison]]:
    """Give the conditions that must hold together; of several on one argument each is enough."""
    comparisons = [_comparison(each) for each in arguments]
    if len({each.argument for each in comparisons}) == len(comparisons):
        yield comparisons
    else:
        yield from ([each] for each in comparisons)


def _comparison(argument: dict[str, Any]) -> _Comparison:
    name = argument.get("op", "").removeprefix("SCMP_CMP_")
    if name not in _OPERATORS:
        raise ProfileError(f"string {argument.get('op')} is not a valid operator for seccomp")
    operator = _OPERATORS.index(name) + 1
    return _Comparison(argument["index"], operator, argument["value"], argument.get("valueTwo", 0))


def _action(name: str, number: int | None) -> int:
    plain = _plain(name)
    if plain not in _ACTIONS:
        raise ProfileError(f"string {name} is not a valid action for seccomp")
    return _ACTIONS[plain] | ((errno.EPERM if number is None else number) if plain in _WITH_NUMBER else 0)


def _plain(name: str) -> str:
    return name.removeprefix("SCMP_ACT_")


def _unknown_later(library: ctypes.CDLL, highest: int) -> bytes:
    """Give what goes before a filter: calls that are younger than it are answered as an older kernel would.

    C libraries then do without (clone3); "not permitted" they would take for the last word.
    """
    native = library.seccomp_arch_native()
    code = (
        (_LOAD, 0, 0, _ARCH),
        (_IF_EQUAL, 0, 4, native & 0xFFFFFFFF),
        (_LOAD, 0, 0, _NUMBER),
        (_IF_GREATER, 2, 0, _X32 - 1),
        (_IF_GREATER, 0, 1, highest),
        (_RETURN, 0, 0, _NOT_THERE),
    )
    return b"".join(struct.pack("=HBBI", *each) for each in code)


def _export(library: ctypes.CDLL, context: ctypes.c_void_p) -> bytes:
    fd = os.memfd_create("filter", os.MFD_CLOEXEC)
    with open(fd, "rb") as file:
        if code := library.seccomp_export_bpf(context, ctypes.c_int(fd)):
            raise ProfileError(f"the filter cannot be made: {os.strerror(-code)}")
        file.seek(0)
        return file.read()


def _load() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as err:
        raise ProfileError("libseccomp is not installed: apt-get install libseccomp2") from err
    library.seccomp_init.restype = ctypes.c_void_p
    for name in ("seccomp_arch_resolve_name", "seccomp_arch_native"):
        getattr(library, name).restype = ctypes.c_uint32
    return library
