"""[IO] gRPC's health check over HTTP/2, as a kubelet asks it.

Sources: https://github.com/grpc/grpc/blob/master/doc/health-checking.md and
…/doc/PROTOCOL-HTTP2.md; the messages are those of kubernetes ``pkg/probe/grpc``.
"""

from __future__ import annotations

from netemu.agent import dialing
from netemu.agent.dialing import DialError
from netemu.errors import NetemuError

PATH = "/grpc.health.v1.Health/Check"
USER_AGENT = "kube-probe/1.37"
_SERVING = 1
_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_UNIMPLEMENTED = 12
_CODES = (
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
)


class GrpcError(NetemuError):
    """A health check that was not answered as one."""

    code = "AGENT_GRPC"


async def check(node_netns: str, host: str, port: int, service: str, timeout_s: int = 1) -> str:
    """Ask a server about a service; an empty string is success, anything else says what is wrong.

    ``timeout_s`` is told to who reads of a connection that was not made: a kubelet goes on trying until
    then, and says no more than that.
    """
    address = dialing.where(host, port)
    try:
        async with dialing.connected(node_netns, host, port) as streams:
            head, body = await _call(streams, address, service)
    except (DialError, OSError):
        return (
            f'timeout: failed to connect service "{address}" within {timeout_s}s: context deadline exceeded'
        )
    except GrpcError as err:
        return f"error: health rpc probe failed: {err.message}"
    return judge(head, body)


def judge(head: dict[str, str], body: bytes) -> str:
    """Tell what an answer's headers and trailers, and its message, mean."""
    code = int(head.get("grpc-status", "2"))
    if code == _UNIMPLEMENTED:
        why = head.get("grpc-message", "")
        return (
            f"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {why}"
        )
    if code:
        name = _CODES[code] if code < len(_CODES) else f"Code({code})"
        why = head.get("grpc-message", "")
        return f"error: health rpc probe failed: rpc error: code = {name} desc = {why}"
    status = decode_status(body)
    if status == _SERVING:
        return ""
    word = _STATUSES[status] if status < len(_STATUSES) else str(status)
    return f'service unhealthy (responded with "{word}")'


def encode_request(service: str) -> bytes:
    """Give a HealthCheckRequest in its frame: field 1, a string that is left out when empty."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def decode_status(framed: bytes) -> int:
    """Read a framed HealthCheckResponse: field 1, an enumeration, 0 (UNKNOWN) when left out."""
    message = framed[5:]
    return message[1] if len(message) >= 2 and message[0] == 0x08 else 0


def _varint(number: int) -> bytes:
    coded = bytearray()
    while number > 0x7F:
        coded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*coded, number))


async def _call(streams: dialing.Streams, authority: str, service: str) -> tuple[dict[str, str], bytes]:
    """Make one call, and give headers and trailers together with the message."""
    # 1.5 MB and 40 ms, for those who have grpc probes.
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.errors import ErrorCodes
    from h2.events import (
        ConnectionTerminated,
        DataReceived,
        ResponseReceived,
        StreamEnded,
        StreamReset,
        TrailersReceived,
    )
    from h2.exceptions import ProtocolError

    reader, writer = streams
    connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    connection.initiate_connection()
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", PATH),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("user-agent", USER_AGENT),
        ("te", "trailers"),
    ]
    connection.send_headers(1, fields)
    connection.send_data(1, encode_request(service), end_stream=True)
    writer.write(connection.data_to_send())
    head: dict[str, str] = {}
    body = b""
    while data := await reader.read(16384):
        try:
            events = connection.receive_data(data)
        except ProtocolError as err:
            raise GrpcError(f"rpc error: code = Unavailable desc = {err}") from err
        for event in events:
            match event:
                case ResponseReceived(headers=got) | TrailersReceived(headers=got):
                    head |= {str(name): str(value) for name, value in got or ()}
                case DataReceived(data=got):
                    body += got or b""
                case StreamEnded():
                    return head, body
                case StreamReset(error_code=code) | ConnectionTerminated(error_code=code):
                    why = code.name if isinstance(code, ErrorCodes) else code
                    raise GrpcError(f"rpc error: code = Unavailable desc = stream terminated by {why}")
        writer.write(connection.data_to_send())
    raise GrpcError("rpc error: code = Unavailable desc = error reading from server: EOF")
