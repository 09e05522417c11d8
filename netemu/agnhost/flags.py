"""Flags as Go's programs take them: ``-name=value``, ``--name value``, ``--name`` for true. Pure.

Source: github.com/spf13/pflag, for its words. One dash is taken as two, which the other programs that
are played (Go's own ``flag``) need; ``shorthands`` are the names of one letter.
"""

from __future__ import annotations

from collections.abc import Mapping

from netemu.agnhost.golang import parse_duration, quoted
from netemu.agnhost.model import AppError

Parsed = tuple[dict[str, str], tuple[str, ...]]
"""The flags with their values, and the other arguments."""

_BOOLEANS = {"true": "true", "t": "true", "1": "true", "false": "false", "f": "false", "0": "false"}

KLOG = {
    "v": "0",
    "vmodule": "",
    "logtostderr": "true",
    "alsologtostderr": "false",
    "stderrthreshold": "2",
    "log_dir": "",
    "log_file": "",
    "log_file_max_size": "1800",
    "log_backtrace_at": ":0",
    "one_output": "false",
    "add_dir_header": "false",
    "skip_headers": "false",
    "skip_log_headers": "false",
}
"""Flags about logging, which every subcommand takes."""


def parse_flags(args: tuple[str, ...], defaults: Mapping[str, str]) -> dict[str, str]:
    """Read flags where nothing else may be; see ``parse_arguments``."""
    flags, rest = parse_arguments(args, defaults)
    if rest:
        raise AppError(f'unknown argument "{rest[0]}"; flags are {_list(defaults)}')
    return flags


def parse_arguments(
    args: tuple[str, ...], defaults: Mapping[str, str], shorthands: Mapping[str, str] | None = None
) -> Parsed:
    """Read flags and other arguments, in any order; ``defaults`` names all flags that there are.

    One that is "true" or "false" needs no value. ``--`` ends the flags.

    Raises:
        AppError: a flag is unknown or has no value.

    """
    known = {**KLOG, **defaults}
    short = shorthands or {}
    found = dict(defaults)
    rest: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            rest += words
        elif not word.startswith("-") or word == "-":
            rest.append(word)
        else:
            name, given, value = word.lstrip("-").partition("=")
            if not word.startswith("--") and name[:1] in short and name not in known:
                name, given, value = short[name[0]], name[1:] or given, name[1:] or value
            if name not in known:
                raise AppError(f"unknown flag: --{name}; there are {_list(defaults)}")
            if not given:
                value = "true" if known[name] in {"true", "false"} else next(words, None) or ""
                if not value:
                    raise AppError(f"flag needs an argument: --{name}")
            found[name] = _checked(name, value, known[name])
    return found, tuple(rest)


def parse_port_flag(name: str, text: str) -> int:
    """Read a port's number, or -1 (none).

    Raises:
        AppError: it is neither.

    """
    number = parse_number_flag(name, text)
    if number != -1 and not 1 <= number <= 65535:
        raise AppError(f'invalid argument "{text}" for "--{name}" flag: not a port')
    return number


def parse_number_flag(name: str, text: str) -> int:
    """Read a number.

    Raises:
        AppError: it is none.

    """
    try:
        return int(text)
    except ValueError:
        words = f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax"
        raise AppError(f'invalid argument "{text}" for "--{name}" flag: {words}') from None


def parse_duration_flag(name: str, text: str) -> float:
    """Read a duration as seconds.

    Raises:
        AppError: it is none.

    """
    try:
        return parse_duration(text)
    except ValueError as err:
        raise AppError(f'invalid argument "{text}" for "--{name}" flag: {err}') from None


def _checked(name: str, value: str, default: str) -> str:
    if default not in {"true", "false"}:
        return value
    if (boolean := _BOOLEANS.get(value.lower())) is None:
        words = f"strconv.ParseBool: parsing {quoted(value)}: invalid syntax"
        raise AppError(f'invalid argument "{value}" for "--{name}" flag: {words}')
    return boolean


def _list(defaults: Mapping[str, str]) -> str:
    return ", ".join(f"--{name}" for name in defaults) or "none"
