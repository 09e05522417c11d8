from netemu.agent.httpget import request_head
from netemu.api.views.core import HttpGetAction

URL = "http://10.0.0.1:8080/healthz?full=1"


def lines(*headers):
    pairs = tuple({"name": name, "value": value} for name, value in headers)
    return request_head(URL, HttpGetAction(port=8080, http_headers=pairs)).decode().split("\r\n")


def test_a_probe_says_who_it_is():
    assert lines() == [
        "GET /healthz?full=1 HTTP/1.1",
        "Host: 10.0.0.1:8080",
        "User-Agent: kube-probe/1.37",
        "Accept: */*",
        "Connection: close",
        "",
        "",
    ]


def test_headers_of_the_probe_s_own_stand_for_the_usual_ones():
    made = lines(("host", "web.example"), ("User-Agent", "me"), ("X-Own", "1"))

    assert made[1:5] == ["Accept: */*", "host: web.example", "User-Agent: me", "X-Own: 1"]


def test_an_empty_accept_is_none():
    assert not any(line.lower().startswith("accept") for line in lines(("Accept", "")))
