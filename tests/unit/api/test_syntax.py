"""Names, labels, ports and addresses, with the words of their rules."""

import pytest

from netemu.api import syntax


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (syntax.label, "web"),
        (syntax.label, "1-a"),
        (syntax.label, "a" * 63),
        (syntax.subdomain, "a.b-c.d"),
        (syntax.label_1035, "web-1"),
        (syntax.qualified_name, "app"),
        (syntax.qualified_name, "example.com/My_App.1"),
        (syntax.label_value, ""),
        (syntax.label_value, "v1.2_3"),
        (syntax.port_name, "http-8080"),
        (syntax.env_name, "MY.VAR-1"),
        (syntax.config_key, "game.properties"),
        (syntax.config_key, "..."[:1] + "x"),
        (syntax.wildcard_subdomain, "*.example.com"),
        (syntax.address, "10.0.0.1"),
        (syntax.address, "2001:db8::1"),
        (syntax.cidr, "10.0.0.0/8"),
        (syntax.cidr, "fd00::/8"),
        (syntax.non_special_address, "fd00::1"),
        (syntax.port_number, 1),
        (syntax.port_number, 65535),
    ],
)
def test_these_are_accepted(rule, text):
    assert rule(text) == ()


@pytest.mark.parametrize(
    ("rule", "text", "words"),
    [
        pytest.param(
            syntax.label,
            "Web_1",
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
            "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
            "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
            id="label",
        ),
        pytest.param(
            syntax.subdomain,
            "a..b",
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
            "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            id="subdomain",
        ),
        pytest.param(
            syntax.label_1035,
            "1web",
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
            "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
            "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
            id="label-1035",
        ),
        pytest.param(
            syntax.qualified_name,
            "-x",
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
            "an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
            "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            id="qualified-name",
        ),
        pytest.param(
            syntax.label_value,
            "a b",
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
            "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            id="label-value",
        ),
        pytest.param(syntax.label, "a" * 64, "must be no more than 63 bytes", id="long-label"),
        pytest.param(syntax.qualified_name, "/x", "prefix part must be non-empty", id="no-prefix"),
        pytest.param(syntax.port_name, "a" * 16, "must be no more than 15 bytes", id="long-port-name"),
        pytest.param(syntax.port_name, "80", "must contain at least one letter (a-z)", id="digits-only"),
        pytest.param(syntax.port_name, "a--b", "must not contain consecutive hyphens", id="hyphens"),
        pytest.param(syntax.port_name, "-a", "must not begin or end with a hyphen", id="hyphen-first"),
        pytest.param(
            syntax.port_name,
            "HTTP1a",
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
            id="upper-case",
        ),
        pytest.param(syntax.port_number, 0, "must be between 1 and 65535, inclusive", id="port-0"),
        pytest.param(syntax.port_number, 65536, "must be between 1 and 65535, inclusive", id="port-65536"),
        pytest.param(syntax.config_key, "..x", "must not start with '..'", id="parent"),
        pytest.param(
            syntax.address,
            "10.0.0.256",
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            id="address",
        ),
        pytest.param(syntax.address, "10.0.0.010", "must not have leading 0s", id="octal"),
        pytest.param(
            syntax.address, "::ffff:10.0.0.1", "must not be an IPv4-mapped IPv6 address", id="mapped"
        ),
        pytest.param(
            syntax.cidr, "10.00.0.0/8", "must not have leading 0s in IP or prefix length", id="octal-range"
        ),
        pytest.param(
            syntax.cidr, "10.0.0.0/08", "must not have leading 0s in IP or prefix length", id="octal-length"
        ),
        pytest.param(
            syntax.cidr, "::ffff:0:0/96", "must not have an IPv4-mapped IPv6 address", id="mapped-range"
        ),
        pytest.param(
            syntax.cidr, "10.0.0.1/8", "must not have bits set beyond the prefix length", id="bits-of-a-host"
        ),
        pytest.param(
            syntax.cidr,
            "10.0.0.1",
            "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            id="cidr-without-length",
        ),
        pytest.param(
            syntax.non_special_address,
            "::1",
            "may not be in the loopback range (127.0.0.0/8, ::1/128)",
            id="loopback",
        ),
        pytest.param(
            syntax.non_special_address,
            "fe80::1",
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
            id="link-local",
        ),
        pytest.param(
            syntax.non_special_address,
            "224.0.0.5",
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
            id="multicast",
        ),
        pytest.param(
            syntax.non_special_address, "0.0.0.0", "may not be unspecified (0.0.0.0)", id="unspecified"
        ),
    ],
)
def test_a_broken_rule_is_said_in_kubernetes_words(rule, text, words):
    assert words in rule(text)


@pytest.mark.parametrize("text", ["a\n", "é", "", "A", ".a", "a.", "a_b"])
def test_these_are_no_subdomains(text):
    assert syntax.subdomain(text)


@pytest.mark.parametrize("text", ["10.0.0.01", "fe80::1%eth0", "10.0.0", "0x7f.1", " 10.0.0.1"])
def test_these_are_no_addresses(text):
    assert syntax.find_address(text) is None
