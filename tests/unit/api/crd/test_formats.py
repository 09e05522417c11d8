"""The formats of texts."""

from __future__ import annotations

import pytest

from netemu.api.crd.formats import has_format


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", "2026-01-02T03:04:05Z", "2026-13-02T03:04:05Z"),
        ("date", "2026-01-02", "02.01.2026"),
        ("duration", "1h30m", "an hour"),
        ("email", "a@b.example", "a.example"),
        ("hostname", "web-1.example", "-web"),
        ("ipv4", "10.0.0.1", "::1"),
        ("ipv6", "::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("mac", "00:11:22:33:44:55", "00:11"),
        ("uri", "https://a.example/b", "a b"),
        ("uuid", "8fd65b36-d35a-4e34-8f8c-e8df5c0ae8aa", "8fd65b36"),
        ("byte", "aGk=", "a$"),
    ],
)
def test_a_format_tells_texts_apart(name, good, bad):
    assert has_format(name, good)
    assert not has_format(name, bad)
