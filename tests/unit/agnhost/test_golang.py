from __future__ import annotations

import errno

import pytest

from netemu.agnhost.golang import (
    content_type,
    error_words,
    join_host_port,
    klog_line,
    log_line,
    parse_duration,
    quoted,
    render_duration,
    render_time,
    split_host_port,
)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "plain"),
        (b"foo", "plain"),
        (b"<apple>", "plain"),
        (b'<a href="/x">', "html"),
        (b"\n <!DOCTYPE html>", "html"),
        (b"<P>", "html"),
        (b"<!-- x", "html"),
    ],
)
def test_pages_are_told_from_text_by_their_first_tag(body, kind):
    assert content_type(body) == f"text/{kind}; charset=utf-8"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("5s", 5), ("1m30s", 90), ("250ms", 0.25), ("-1.5h", -5400), ("1us", 1e-6), ("+2m", 120)],
)
def test_durations_are_read_as_go_reads_them(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", 'invalid duration ""', id="empty"),
        pytest.param("5", 'missing unit in duration "5"', id="no-unit"),
        pytest.param("5d", 'unknown unit "d" in duration "5d"', id="unknown-unit"),
        pytest.param("soon", 'invalid duration "soon"', id="no-number"),
        pytest.param("1.2.3s", "invalid duration", id="two-dots"),
    ],
)
def test_what_is_no_duration_is_an_error(text, words):
    with pytest.raises(ValueError, match=words):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (1e-9, "1ns"),
        (1.5e-6, "1.5µs"),
        (0.25, "250ms"),
        (1, "1s"),
        (2.5, "2.5s"),
        (90, "1m30s"),
        (3600, "1h0m0s"),
        (-5, "-5s"),
    ],
)
def test_durations_are_written_as_go_writes_them(seconds, text):
    assert render_duration(seconds) == text


def test_moments_are_written_in_utc_without_idle_zeros():
    assert render_time(1_700_000_000_120_000_000) == "2023-11-14 22:13:20.12 +0000 UTC"
    assert render_time(1_700_000_000_000_000_000) == "2023-11-14 22:13:20 +0000 UTC"


def test_log_lines_have_the_time_in_front():
    assert log_line("hello", 1_700_000_000) == "2023/11/14 22:13:20 hello"
    assert klog_line("hello", 1_700_000_000.25, "a.go:1", "E").startswith("E1114 22:13:20.250000 ")
    assert klog_line("hello", 1_700_000_000, "a.go:1").endswith(" a.go:1] hello")


@pytest.mark.parametrize(
    ("err", "words"),
    [
        pytest.param(OSError(errno.ECONNREFUSED, ""), "connect: connection refused", id="refused"),
        pytest.param(OSError(errno.EHOSTUNREACH, ""), "connect: no route to host", id="no-route"),
        pytest.param(TimeoutError(), "i/o timeout", id="too-late"),
        pytest.param(TimeoutError(errno.ETIMEDOUT, ""), "connect: connection timed out", id="the-kernel-s"),
        pytest.param(ValueError("EOF"), "EOF", id="another"),
    ],
)
def test_errors_have_go_s_words(err, words):
    assert error_words(err, "connect") == words


@pytest.mark.parametrize(
    ("text", "parts"), [("web:80", ("web", "80")), ("[::1]:53", ("::1", "53")), (":80", ("", "80"))]
)
def test_hosts_and_ports_are_taken_apart(text, parts):
    assert split_host_port(text) == parts
    assert join_host_port(*parts) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("web", "missing port"),
        ("::1", "too many colons"),
        ("[::1", "missing ']'"),
        ("[::1]", "missing port in address"),
    ],
)
def test_what_has_no_host_and_port_is_an_error(text, words):
    with pytest.raises(ValueError, match=words):
        split_host_port(text)


def test_words_are_quoted():
    assert quoted('a "b"\n\\') == '"a \\"b\\"\\n\\\\"'
