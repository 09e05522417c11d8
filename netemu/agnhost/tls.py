"""What two sides agreed on in TLS, in Go's words. Pure but for reading a connection."""

from __future__ import annotations

from typing import Any, NamedTuple

_CLIENT_NAMES = "_netemu_server_name"


class TlsState(NamedTuple):
    """One connection: version (``TLSv1.3``), cipher suite by its IANA name, whom the client asked for,
    the application protocol, and the client's certificates in PEM.
    """

    version: str
    cipher_suite: str
    server_name: str = ""
    protocol: str = ""
    certificates: tuple[str, ...] = ()


def note_server_names(context: Any) -> None:
    """Have connections of a context remember whom their clients ask for."""

    def note(connection: Any, name: str | None, _context: Any) -> None:
        setattr(connection, _CLIENT_NAMES, name or "")

    context.sni_callback = note


def state_of(connection: Any) -> TlsState | None:
    """Read the state of a connection (``ssl.SSLObject``); ``None`` without TLS."""
    if connection is None:
        return None
    import ssl

    name, _, _ = connection.cipher() or ("", "", 0)
    certificate = connection.getpeercert(binary_form=True)
    return TlsState(
        version=connection.version() or "",
        cipher_suite=iana_name(name),
        server_name=getattr(connection, _CLIENT_NAMES, ""),
        protocol=connection.selected_alpn_protocol() or "",
        certificates=(ssl.DER_cert_to_PEM_cert(certificate),) if certificate else (),
    )


def iana_name(openssl_name: str) -> str:
    """Give the name by which Go, and IANA's list, knows a cipher suite of OpenSSL."""
    if openssl_name.startswith("TLS_") or not openssl_name:
        return openssl_name
    exchange, _, cipher = openssl_name.replace("-", "_").partition("_")
    if exchange == "ECDHE":
        signature, _, cipher = cipher.partition("_")
        exchange = f"ECDHE_{signature}"
    else:
        exchange, cipher = "RSA", openssl_name.replace("-", "_")
    for bits in ("128", "256"):
        cipher = cipher.replace(f"AES{bits}", f"AES_{bits}")
    if cipher.endswith("POLY1305"):
        cipher += "_SHA256"
    if "GCM" not in cipher and "POLY" not in cipher:
        cipher = cipher.replace("_SHA", "_CBC_SHA")
    return f"TLS_{exchange}_WITH_{cipher}"
