"""Files are read whole and checked whole, before anything is sent."""

import pytest

from netemu.api.codec import ManifestError
from netemu.api.errors import Cause, InvalidError, NotFoundError
from netemu.cli.manifests import ManifestsError, located, read_documents
from netemu.cli.resources import UsageError
from netemu.cli.target import Target

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
  - port: 80
    nodePort: 80
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="web.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return name

    return write


def test_a_document_gets_the_namespace_of_the_command(file):
    (document,) = read_documents([file(SERVICE)], Target(namespace="shop"))

    assert document.namespace == "shop"
    assert document.title() == "Service shop/web"


def test_cluster_scoped_objects_get_none(file):
    text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  namespace: oops\n"

    (document,) = read_documents([file(text)], Target())

    assert document.namespace == ""


def test_a_directory_gives_its_files_in_order(file):
    file(SERVICE.replace("web", "b"), "in/b.yaml")
    file(SERVICE.replace("web", "a"), "in/a.yml")
    file("not a manifest", "in/readme.txt")
    file(SERVICE.replace("web", "deep"), "in/more.d")

    assert [document.name for document in read_documents(["in"], Target())] == ["a", "b"]


def test_recursion_goes_into_directories(file, tmp_path):
    (tmp_path / "top").mkdir()
    file(SERVICE, "top/sub.yaml")
    (tmp_path / "top" / "below").mkdir()
    file(SERVICE.replace("web", "deep"), "top/below/deep.yaml")

    assert len(read_documents(["top"], Target(), recursive=True)) == 2
    assert len(read_documents(["top"], Target())) == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param("kind: Service", "kind: Gadget", 'web.yaml:1: no matches for kind "Gadget"', id="kind"),
        pytest.param("Service", "Servce", r"\(did you mean Service", id="misspelt"),
        pytest.param("v1", "apps/v1", r"web.yaml:1: no matches .* \(it is of v1\)", id="version"),
        pytest.param("kind: Service\n", "", "web.yaml:1: kind is not set", id="no-kind"),
        pytest.param(
            "  name: web", "  labels: {}", "web.yaml:1: Service: metadata.name: Required", id="no-name"
        ),
        pytest.param(
            "nodePort: 80",
            "nodeport: 80",
            r'web.yaml:8: Service default/web: unknown field "spec.ports\[0\].nodeport"',
            id="unknown-field",
        ),
        pytest.param(
            "nodePort: 80",
            "nodePort: high",
            r"web.yaml:8: Service default/web: spec.ports\[0\].nodePort",
            id="type",
        ),
        pytest.param(
            "  name: web",
            "  name: web\n  namespace: other",
            'web.yaml:5: Service other/web: .* does not match the namespace "shop"',
            id="namespace",
        ),
    ],
)
def test_a_mistake_is_located(file, old, new, words):
    namespace = {True: "shop"}.get("other" in new, "")

    with pytest.raises(ManifestsError, match=words):
        read_documents([file(SERVICE.replace(old, new))], Target(namespace=namespace))


def test_all_mistakes_of_all_documents_are_told_at_once(file):
    text = SERVICE.replace("ports:", "prots:") + "---\n" + SERVICE.replace("Service", "Gadget")

    with pytest.raises(ManifestsError) as caught:
        read_documents([file(text)], Target())

    assert "prots" in caught.value.message
    assert "Gadget" in caught.value.message


def test_text_that_is_no_yaml_is_located(file):
    with pytest.raises(ManifestError, match=r"web\.yaml:\d+: not valid YAML"):
        read_documents([file(SERVICE + "  bad: [")], Target())


@pytest.mark.parametrize("paths", [[], ["missing.yaml"], ["empty.yaml"], ["."]])
def test_nothing_to_read_is_refused(file, paths, tmp_path):
    file("---\n", "empty.yaml" if paths == ["empty.yaml"] else "other.txt")

    with pytest.raises(UsageError):
        read_documents(paths, Target())


def test_what_the_api_refuses_is_located(file):
    (document,) = read_documents([file(SERVICE)], Target())
    cause = Cause(field="spec.ports[0].nodePort", message="Invalid value: 80: not in the valid range")

    error = located(
        document, InvalidError("…", kind="Service", name="web", causes=(cause,), hint="Choose another.")
    )

    assert error.message == (
        "web.yaml:8: Service default/web: spec.ports[0].nodePort: Invalid value: 80: not in the valid range"
    )
    assert error.hint == "Choose another."


def test_a_refusal_without_a_field_is_located_by_its_object(file):
    (document,) = read_documents([file(SERVICE)], Target())

    error = located(document, NotFoundError('namespaces "shop" not found'))

    assert error.message == 'web.yaml:1: Service default/web: namespaces "shop" not found'


DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: balls.toys.example}
spec:
  group: toys.example
  scope: Namespaced
  names: {kind: Ball, plural: balls}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {color: {type: string}}}}
"""
BALL = """\
apiVersion: toys.example/v1
kind: Ball
metadata: {name: red}
spec:
  color: red
"""


def test_files_may_define_the_kinds_of_their_own_objects(file):
    documents = read_documents([file(f"{DEFINITION}---\n{BALL}")], Target())

    assert [document.title() for document in documents] == [
        "CustomResourceDefinition balls.toys.example",
        "Ball default/red",
    ]


def test_custom_objects_are_held_to_their_schema_before_anything_is_sent(file):
    text = f"{DEFINITION}---\n{BALL.replace('color', 'colour')}"

    with pytest.raises(ManifestsError, match=r"web\.yaml:21: Ball default/red: .*unknown field"):
        read_documents([file(text)], Target())


def test_a_kind_that_nobody_defines_is_unknown(file):
    with pytest.raises(ManifestsError, match=r'no matches for kind "Ball" in version "toys\.example/v1"'):
        read_documents([file(BALL)], Target())
