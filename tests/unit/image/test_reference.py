import pytest

from netemu.image.errors import InvalidReferenceError
from netemu.image.reference import parse_reference

DIGEST = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("grafana/grafana", "docker.io/grafana/grafana:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("localhost/mine", "localhost/mine:latest"),
        ("localhost:5000/a/b:v1", "localhost:5000/a/b:v1"),
        ("registry.k8s.io/e2e-test-images/agnhost:2.53", "registry.k8s.io/e2e-test-images/agnhost:2.53"),
        ("quay.io:443/x", "quay.io:443/x:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"nginx:1.27@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        ("my--image__x.y", "docker.io/library/my--image__x.y:latest"),
    ],
)
def test_names_are_completed_as_containerd_does(text, complete):
    assert str(parse_reference(text)) == complete


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nginx",
        "a//b",
        "nginx:",
        "nginx:a b",
        "nginx@sha256:short",
        "../x",
        "a_/b",
        "x:" + "t" * 129,
        "/x",
    ],
)
def test_what_is_no_name_is_refused(text):
    with pytest.raises(InvalidReferenceError):
        parse_reference(text)
