"""Sign the requests of others with the cluster's CA. Pure but for the randomness of serial numbers.

Source: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/ (signers) and
kubernetes ``pkg/controller/certificates/{signer,authority}``.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from netemu.errors import NetemuError
from netemu.pki.certificates import SKEW

_KEY_USAGES = {
    "digital signature": "digital_signature",
    "signing": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
}
_EXTENDED_USAGES = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
}


class SigningError(NetemuError):
    """The request is none that can be signed."""

    code = "PKI_REQUEST_UNSIGNABLE"


class Signer:
    """The cluster's CA, with its key (both in PEM)."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        self._ca = x509.load_pem_x509_certificate(certificate)
        loaded = load_pem_private_key(key, None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        self._key = loaded

    def sign(self, request: bytes, usages: Collection[str], *, now_s: float, lifetime_s: float) -> bytes:
        """Give the certificate for a request (both in PEM); it ends with the CA at the latest.

        ``usages`` are Kubernetes' words. The subject and the alternative names are those of the request.

        Raises:
            SigningError: the bytes are no request, or not signed with the key that they name.

        """
        asked = _read(request)
        now = datetime.fromtimestamp(now_s, UTC)
        end = min(now + timedelta(seconds=lifetime_s), self._ca.not_valid_after_utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(asked.subject)
            .issuer_name(self._ca.subject)
            .public_key(asked.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(end)
        )
        for extension, is_critical in _extensions(asked, usages):
            builder = builder.add_extension(extension, critical=is_critical)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _read(request: bytes) -> x509.CertificateSigningRequest:
    try:
        asked = x509.load_pem_x509_csr(request)
        if asked.is_signature_valid:
            return asked
    except ValueError as err:
        raise SigningError(f"unable to parse csr: {err}") from err
    raise SigningError("unable to verify certificate request signature")


def _extensions(
    asked: x509.CertificateSigningRequest, usages: Collection[str]
) -> list[tuple[x509.ExtensionType, bool]]:
    wanted = {_KEY_USAGES[usage] for usage in usages if usage in _KEY_USAGES}
    bits: dict[str, Any] = {bit: bit in wanted for bit in _KEY_USAGES.values()}
    found: list[tuple[x509.ExtensionType, bool]] = [(x509.BasicConstraints(ca=False, path_length=None), True)]
    if wanted:  # an extension without a single usage is one that TLS libraries refuse
        found.append((x509.KeyUsage(**bits, encipher_only=False, decipher_only=False), True))
    if extended := [_EXTENDED_USAGES[usage] for usage in usages if usage in _EXTENDED_USAGES]:
        found.append((x509.ExtendedKeyUsage(extended), False))
    kept = (each.value for each in asked.extensions if isinstance(each.value, x509.SubjectAlternativeName))
    return [*found, *((value, False) for value in kept)]
