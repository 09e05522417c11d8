"""``echo-basic`` with GRPC_ECHO_SERVER: what was asked, over gRPC.

Source of messages and words: kubernetes-sigs/gateway-api, conformance/echo-basic (grpcecho.proto, grpc).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netemu.agnhost.flags import parse_port_flag
from netemu.agnhost.hpack import Headers
from netemu.agnhost.http2 import Answer, HeadersAnswer
from netemu.agnhost.model import Http2, Listener, Setting, Surroundings
from netemu.agnhost.tls import TlsState

SERVICE = "gateway_api_conformance.echo_basic.grpcecho.GrpcEcho"

_ANSWERED = ("Echo", "EchoTwo")
_NOT_IMPLEMENTED = "EchoThree"
_CONTEXT = ("NAMESPACE", "INGRESS_NAME", "SERVICE_NAME", "POD_NAME")
_GRPC = (("content-type", "application/grpc"),)
_OF_THE_PROTOCOL = frozenset({"te", "grpc-timeout", "grpc-encoding", "grpc-message-type"})
_UNIMPLEMENTED = "12"


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve gRPC on HTTP_PORT, and with TLS on HTTPS_PORT if there is a certificate."""
    env = setting.env
    context = _strings(env.get(name, "") for name in _CONTEXT)
    port = parse_port_flag("HTTP_PORT", env.get("HTTP_PORT") or "3000")
    listeners = [Listener(port, Http2(answering(context, surroundings)))]
    certificate, key = env.get("TLS_SERVER_CERT"), env.get("TLS_SERVER_PRIV_KEY")
    if certificate and key:
        port = parse_port_flag("HTTPS_PORT", env.get("HTTPS_PORT") or "8443")
        secure = Http2(
            answering(context, surroundings),
            certificate,
            key,
            lambda state: answering(context, surroundings, state),
        )
        listeners.append(Listener(port, secure))
    return tuple(listeners)


def answering(context: bytes, surroundings: Surroundings, tls: TlsState | None = None) -> HeadersAnswer:
    """Give what answers on one kind of connection; ``context`` is where the server is, encoded."""

    def answer(headers: Headers, _message: bytes) -> Answer:
        path = dict(headers).get(":path", "")
        service, _, method = path.lstrip("/").rpartition("/")
        if service != SERVICE:
            return _refused(f"unknown service {service}")
        if method == _NOT_IMPLEMENTED:
            return _refused(f"method {method} not implemented")
        if method not in _ANSWERED:
            return _refused(f"unknown method {method} for service {service}")
        surroundings.say(f"Received over {'TLS' if tls else 'plaintext'}: ")
        body = _field(1, _assertions(path, headers, context, tls))
        return Answer(_GRPC, b"\0" + len(body).to_bytes(4, "big") + body, (("grpc-status", "0"),))

    return answer


def _assertions(path: str, headers: Headers, context: bytes, tls: TlsState | None) -> bytes:
    told = [
        (name, value)
        for name, value in headers
        if name == ":authority" or not (name.startswith(":") or name in _OF_THE_PROTOCOL)
    ]
    written = b"".join(_field(2, _strings(pair)) for pair in told)
    authority = dict(headers).get(":authority", "")
    made = _text(1, path) + written + _text(3, authority) + _field(4, context)
    return made + (_field(5, _tls(tls)) if tls is not None else b"")


def _tls(state: TlsState) -> bytes:
    first = _strings((state.version, state.protocol, state.server_name, state.cipher_suite))
    return first + b"".join(_text(5, certificate) for certificate in state.certificates)


def _refused(message: str) -> Answer:
    return Answer(_GRPC, trailers=(("grpc-status", _UNIMPLEMENTED), ("grpc-message", message)))


def _strings(texts: Iterable[str]) -> bytes:
    """Encode a message whose fields, from 1 on, are strings; those that are empty are left out."""
    return b"".join(_text(number, text) for number, text in enumerate(texts, 1))


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode()) if text else b""


def _field(number: int, content: bytes) -> bytes:
    """Encode a field that has a length (protobuf's wire type 2)."""
    length, rest = b"", len(content)
    while rest > 0x7F:
        length += bytes((rest & 0x7F | 0x80,))
        rest >>= 7
    return bytes((number << 3 | 2,)) + length + bytes((rest,)) + content


def is_asked(env: Mapping[str, str]) -> bool:
    """Tell whether a container shall speak gRPC."""
    return bool(env.get("GRPC_ECHO_SERVER"))
