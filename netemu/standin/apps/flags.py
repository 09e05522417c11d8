"""Flags as Go programs take them: ``-name=value``, ``--name value``, ``--name`` for true. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from netemu.standin.apps.model import AppError


def parse_flags(args: tuple[str, ...], defaults: Mapping[str, str]) -> dict[str, str]:
    """Read flags; ``defaults`` names all that there are. One that is "true" or "false" needs no value.

    Raises:
        AppError: a flag is unknown or has no value, or there are other arguments.

    """
    found = dict(defaults)
    words = iter(args)
    for word in words:
        if not word.startswith("-") or word == "-":
            raise AppError(f'unknown argument "{word}"; flags are {_list(defaults)}')
        name, given, value = word.lstrip("-").partition("=")
        if name not in defaults:
            raise AppError(f"unknown flag: --{name}; netemu plays {_list(defaults)}")
        if not given:
            value = "true" if defaults[name] in {"true", "false"} else next(words, "")
            if not value:
                raise AppError(f"flag needs an argument: --{name}")
        found[name] = value
    return found


def parse_port_flag(name: str, text: str) -> int:
    """Read a port's number, or -1 (none).

    Raises:
        AppError: it is neither.

    """
    try:
        number = int(text)
    except ValueError:
        raise AppError(f'invalid argument "{text}" for "--{name}" flag: not a number') from None
    if number != -1 and not 1 <= number <= 65535:
        raise AppError(f'invalid argument "{text}" for "--{name}" flag: not a port')
    return number


def _list(defaults: Mapping[str, str]) -> str:
    return ", ".join(f"--{name}" for name in defaults) or "none"
