"""Certificates for the requests of others."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netemu.pki.certificates import Authority, new_key
from netemu.pki.signing import Signer, SigningError

NOW_S = 1_800_000_000.0
HOUR_S = 3600.0


@pytest.fixture
def signer():
    authority = Authority(NOW_S)
    return Signer(authority.credential.certificate, authority.credential.key)


def request(user="jane", group="editors"):
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group), x509.NameAttribute(NameOID.COMMON_NAME, user)]
    )
    names = x509.SubjectAlternativeName([x509.DNSName("jane.example")])
    builder = (
        x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(names, critical=False)
    )
    return builder.sign(new_key(), hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_request_is_signed_for_what_it_asks(signer):
    usages = ["client auth", "digital signature"]
    made = x509.load_pem_x509_certificate(signer.sign(request(), usages, now_s=NOW_S, lifetime_s=HOUR_S))

    assert made.subject.rfc4514_string() == "CN=jane,O=editors"
    assert list(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert made.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert made.not_valid_after_utc.timestamp() == NOW_S + HOUR_S


def test_a_certificate_ends_with_its_authority(signer):
    made = x509.load_pem_x509_certificate(
        signer.sign(request(), ["client auth"], now_s=NOW_S, lifetime_s=1e9)
    )

    assert made.not_valid_after_utc.timestamp() < NOW_S + 1e9


def test_what_is_no_request_is_refused(signer):
    with pytest.raises(SigningError, match="unable to parse csr"):
        signer.sign(b"no request", ["client auth"], now_s=NOW_S, lifetime_s=HOUR_S)


def test_a_certificate_without_usages_of_its_key_does_not_limit_them(signer):
    made = x509.load_pem_x509_certificate(
        signer.sign(request(), ["client auth"], now_s=NOW_S, lifetime_s=HOUR_S)
    )

    with pytest.raises(x509.ExtensionNotFound):
        made.extensions.get_extension_for_class(x509.KeyUsage)
