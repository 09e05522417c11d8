"""Columns line up as Go's tabwriter does it."""

from netemu.cli.describe.sheet import Sheet, align, render_time


def test_neighbouring_lines_share_their_columns():
    assert align([["Name:", "web"], ["Namespace:", "default"]]) == ["Name:       web", "Namespace:  default"]


def test_a_line_without_the_column_ends_it():
    lines = [["A:", "1"], ["Title:"], ["Longer:", "2"]]

    assert align(lines) == ["A:  1", "Title:", "Longer:  2"]


def test_an_inner_column_lives_within_its_outer_one():
    lines = [["a", "b", "c"], ["aaaa", "bbbb", "c"], ["a", "end"], ["a", "b", "c"]]

    assert align(lines) == ["a     b     c", "aaaa  bbbb  c", "a     end", "a     b  c"]


def test_a_mapping_goes_on_below_its_title():
    sheet = Sheet()
    sheet.mapping("Labels:", {"b": "2", "a": "1"})
    sheet.mapping("Annotations:", {})

    assert sheet.render() == "Labels:       a=1\n              b=2\nAnnotations:  <none>\n"


def test_times_are_utc():
    assert render_time("2026-01-02T03:04:05Z") == "Fri, 02 Jan 2026 03:04:05 +0000"
    assert render_time(None) == "<unset>"
