"""How Go writes what others parse: durations, log lines, errors of sockets, quoted words. Pure.

Source: Go's packages time, log, net and strconv; klog for its headers.
"""

from __future__ import annotations

import errno
import os
import time

_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DIGITS = frozenset("0123456789.")
_SYSCALLS = {errno.EMSGSIZE: "write"}
_TAGS = b"!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p".split(b"|")


def content_type(body: bytes) -> str:
    """Tell a page from text by its first tag, as net/http does where an answer names no type."""
    start = body[:512].lstrip().lower()
    is_page = start.startswith(b"<!--") or any(
        start.startswith((b"<%b " % tag, b"<%b>" % tag)) for tag in _TAGS
    )
    return f"text/{'html' if is_page else 'plain'}; charset=utf-8"


def parse_duration(text: str) -> float:
    """Read ``1m30s`` or ``250ms`` as seconds.

    Raises:
        ValueError: it is none.

    """
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return 0.0
    seconds = 0.0
    if not rest:
        raise ValueError(f"time: invalid duration {quoted(text)}")
    while rest:
        number = _leading(rest, inside=True)
        unit = _leading(rest[len(number) :], inside=False)
        if number.strip(".") == "" or number.count(".") > 1:
            raise ValueError(f"time: invalid duration {quoted(text)}")
        if not unit:
            raise ValueError(f"time: missing unit in duration {quoted(text)}")
        if unit not in _UNITS_S:
            raise ValueError(f"time: unknown unit {quoted(unit)} in duration {quoted(text)}")
        seconds += float(number) * _UNITS_S[unit]
        rest = rest[len(number) + len(unit) :]
    return -seconds if text.startswith("-") else seconds


def render_duration(seconds: float) -> str:
    """Write seconds as Go's ``time.Duration`` prints itself."""
    nanoseconds = round(abs(seconds) * 1e9)
    sign = "-" if seconds < 0 else ""
    if nanoseconds == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if nanoseconds < size * 1000:
            return f"{sign}{_decimal(nanoseconds, size)}{unit}"
    whole, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(whole, 60)
    words = f"{_decimal(rest, 1_000_000_000)}s"
    if hours or minutes:
        words = f"{minutes}m{words}"
    return f"{sign}{hours}h{words}" if hours else f"{sign}{words}"


def render_time(now_ns: int) -> str:
    """Write a moment as Go's ``time.Time`` prints itself, in UTC."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now_ns // 10**9))
    fraction = f"{now_ns % 10**9:09d}".rstrip("0")
    return f"{moment}.{fraction} +0000 UTC" if fraction else f"{moment} +0000 UTC"


def log_line(text: str, now_s: float) -> str:
    """Give a line of Go's standard logger."""
    return f"{time.strftime('%Y/%m/%d %H:%M:%S', time.gmtime(now_s))} {text}"


def klog_line(text: str, now_s: float, source: str, severity: str = "I") -> str:
    """Give a line of klog; ``source`` is the original's file and line."""
    moment = time.strftime("%m%d %H:%M:%S", time.gmtime(now_s))
    return f"{severity}{moment}.{int(now_s % 1 * 1e6):06d} {os.getpid():7d} {source}] {text}"


def quoted(text: str) -> str:
    """Quote a word as ``%q`` does."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def error_words(err: BaseException, syscall: str) -> str:
    """Say what went wrong as an error of Go's ``net`` ends; ``syscall`` is what was being done."""
    if isinstance(err, TimeoutError) and err.errno != errno.ETIMEDOUT:
        return "i/o timeout"
    if isinstance(err, OSError) and err.errno:
        return f"{_SYSCALLS.get(err.errno, syscall)}: {os.strerror(err.errno).lower()}"
    return str(err)


def join_host_port(host: str, port: str) -> str:
    """Write an address and a port together; IPv6 addresses get brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_host_port(text: str) -> tuple[str, str]:
    """Take ``host:port`` or ``[host]:port`` apart.

    Raises:
        ValueError: it is neither.

    """
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket:
            raise ValueError(f"address {text}: missing ']' in address")
        if not port.startswith(":"):
            raise ValueError(f"address {text}: missing port in address")
        return host, port[1:]
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"address {text}: missing port in address")
    if ":" in host:
        raise ValueError(f"address {text}: too many colons in address")
    return host, port


def _leading(text: str, *, inside: bool) -> str:
    for position, letter in enumerate(text):
        if (letter in _DIGITS) is not inside:
            return text[:position]
    return text


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    digits = f"{rest:0{len(str(size)) - 1}d}".rstrip("0") if size > 1 else ""
    return f"{whole}.{digits}" if digits else str(whole)
