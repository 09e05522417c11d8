import pytest

from netemu.agent.grpchealth import decode_status, encode_request, judge

NO_HEALTH_SERVICE = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"


def framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def test_a_request_names_a_service_or_none():
    assert encode_request("") == framed(b"")
    assert encode_request("web") == framed(b"\x0a\x03web")
    assert encode_request("x" * 200) == framed(b"\x0a\xc8\x01" + b"x" * 200)


@pytest.mark.parametrize(("message", "status"), [(b"", 0), (b"\x08\x01", 1), (b"\x08\x02", 2)])
def test_an_answer_has_one_number(message, status):
    assert decode_status(framed(message)) == status


@pytest.mark.parametrize(
    ("head", "message", "words"),
    [
        ({"grpc-status": "0"}, b"\x08\x01", ""),
        ({"grpc-status": "0"}, b"\x08\x03", 'service unhealthy (responded with "SERVICE_UNKNOWN")'),
        (
            {"grpc-status": "12", "grpc-message": "unknown service"},
            b"",
            f"{NO_HEALTH_SERVICE}: unknown service",
        ),
        (
            {"grpc-status": "14", "grpc-message": "gone"},
            b"",
            "error: health rpc probe failed: rpc error: code = Unavailable desc = gone",
        ),
    ],
)
def test_an_answer_is_told_in_the_kubelet_s_words(head, message, words):
    assert judge(head, framed(message)) == words
