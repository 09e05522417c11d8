"""Keys and certificates that TLS libraries take, and tokens that nobody else can make."""

from __future__ import annotations

import ssl
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509

from netemu.pki.certificates import key_pem, new_key
from netemu.pki.files import PkiFiles
from netemu.pki.invoke import ensure_files
from netemu.pki.tokens import TokenError, TokenKey

NOW_S = 1_800_000_000.0
ADDRESS = IPv4Address("10.96.0.1")


@pytest.fixture
def files(tmp_path: Path) -> PkiFiles:
    made = PkiFiles(tmp_path / "pki")
    ensure_files(made, ["kubernetes", "localhost"], [ADDRESS], now_s=NOW_S)
    return made


def test_only_the_owner_can_read_the_files(files):
    modes = {path.stat().st_mode & 0o777 for path in files.directory.iterdir()}

    assert modes == {0o600}
    assert files.directory.stat().st_mode & 0o777 == 0o700


def test_files_that_exist_are_kept(files):
    before = {path: path.read_bytes() for path in files.directory.iterdir()}

    ensure_files(files, ["other"], [], now_s=NOW_S + 1)

    assert {path: path.read_bytes() for path in files.directory.iterdir()} == before


def test_what_a_maker_that_died_left_behind_is_no_hindrance(tmp_path):
    (tmp_path / "pki.new").mkdir()
    (tmp_path / "pki.new" / "ca.crt").write_text("half")

    ensure_files(PkiFiles(tmp_path / "pki"), [], [], now_s=NOW_S)

    assert b"BEGIN CERTIFICATE" in PkiFiles(tmp_path / "pki").ca.read_bytes()


def test_pythons_own_tls_takes_every_pair_of_certificate_and_key(files):
    for certificate, key in (
        (files.ca, files.ca_key),
        (files.server, files.server_key),
        (files.admin, files.admin_key),
    ):
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)


def test_the_server_is_certified_for_its_names_and_addresses(files):
    certificate = x509.load_pem_x509_certificate(files.server.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["kubernetes", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ADDRESS]


def test_the_admin_is_one_of_the_masters(files):
    certificate = x509.load_pem_x509_certificate(files.admin.read_bytes())

    assert certificate.subject.rfc4514_string() == "CN=kubernetes-admin,O=system:masters"


@pytest.fixture(scope="module")
def key() -> TokenKey:
    return TokenKey(key_pem(new_key()))


def test_a_token_says_what_was_signed(key):
    assert key.verify(key.sign({"sub": "someone", "aud": ["here"]})) == {"sub": "someone", "aud": ["here"]}


def test_a_token_of_another_key_is_refused(key):
    with pytest.raises(TokenError, match="signature"):
        key.verify(TokenKey(key_pem(new_key())).sign({"sub": "someone"}))


def test_a_token_that_was_changed_is_refused(key):
    head, body, signature = key.sign({"sub": "someone"}).split(".")
    other = key.sign({"sub": "someone else"}).split(".")

    with pytest.raises(TokenError):
        key.verify(".".join((head, other[1], signature)))
    with pytest.raises(TokenError):
        key.verify(".".join((head, body, signature[:-4])))


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "e30.e30.e30", "é.é.é", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(key, text):
    with pytest.raises(TokenError):
        key.verify(text)


def test_the_public_key_is_published_as_a_key_set(key):
    (published,) = key.jwks()["keys"]

    assert published["kty"] == "EC"
    assert {"x", "y", "kid"} <= published.keys()
