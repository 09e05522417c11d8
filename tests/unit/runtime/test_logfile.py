from __future__ import annotations

from netemu.runtime.cri import parse_entry
from netemu.runtime.logfile import LogFile, StreamLog


def contents(path):
    return [parse_entry(line).content for line in path.read_bytes().splitlines()]


def test_the_directories_of_a_log_are_made(tmp_path):
    log = LogFile(str(tmp_path / "pods" / "default_web_1" / "web" / "0.log"))
    log.write("stdout", [(b"hello", False)])
    log.close()

    assert contents(tmp_path / "pods" / "default_web_1" / "web" / "0.log") == [b"hello"]


def test_a_log_that_would_grow_too_long_is_rotated(tmp_path):
    path = tmp_path / "0.log"
    log = LogFile(str(path), rotate_at_bytes=100)
    for word in (b"first", b"second", b"third", b"fourth", b"fifth"):
        log.write("stdout", [(word, False)])
    log.close()

    assert contents(path) == [b"fifth"]
    assert contents(tmp_path / "0.log.1") == [b"third", b"fourth"]


def test_five_files_of_a_log_are_kept_with_what_was_written_last(tmp_path):
    log = LogFile(str(tmp_path / "0.log"), rotate_at_bytes=1)
    for number in range(9):
        log.write("stdout", [(str(number).encode(), False)])
    log.close()

    kept = {path.name: contents(path) for path in tmp_path.iterdir()}

    assert kept == {
        "0.log": [b"8"],
        "0.log.1": [b"7"],
        "0.log.2": [b"6"],
        "0.log.3": [b"5"],
        "0.log.4": [b"4"],
    }


def test_a_restarted_writer_goes_on_where_the_file_ends(tmp_path):
    path = tmp_path / "0.log"
    for word in (b"before", b"after"):
        log = LogFile(str(path))
        log.write("stdout", [(word, False)])
        log.close()

    assert contents(path) == [b"before", b"after"]


def test_what_is_written_after_the_close_is_lost_without_an_error(tmp_path):
    log = LogFile(str(tmp_path / "0.log"))
    log.close()
    log.close()

    log.write("stdout", [(b"late", False)])

    assert contents(tmp_path / "0.log") == []


def test_a_stream_remembers_its_last_line_and_flushes_what_has_no_newline(tmp_path):
    log = LogFile(str(tmp_path / "0.log"))
    stream = StreamLog(log, "stderr")
    stream.feed(b"one\ntwo")
    stream.feed(b"")

    assert stream.last_line == b"two"
    assert contents(tmp_path / "0.log") == [b"one", b"two"]


def test_a_full_disk_loses_output_and_stops_nobody():
    log = LogFile("/dev/full")

    log.write("stdout", [(b"lost", False)])
    log.close()
