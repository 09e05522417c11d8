import bz2
import gzip
import io
import lzma
import os

import pytest

from netemu.image.errors import ImageError, ImageNotFoundError
from netemu.image.store import ImageStore
from netemu.testing.images import docker_archive, layer, oci_layout, write_archive, write_directory

LAYERS = (layer({"bin/app": b"program", "old": b""}), layer({".wh.old": b""}))


@pytest.fixture
def store(tmp_path):
    return ImageStore(tmp_path / "images")


@pytest.fixture
def archive(tmp_path):
    """Give the path of a docker save archive of ``web:v1``."""
    docker_archive(tmp_path / "web.tar", LAYERS, tags=["web:v1"], process={"Cmd": ["/bin/app"]})
    return tmp_path / "web.tar"


def test_an_image_of_docker_is_found_by_any_of_its_names(store, archive):
    (image,) = store.load(archive)

    assert store.find("web:v1") == store.find("docker.io/library/web:v1") == store.find(image.id) == image
    assert store.find("web") is None
    assert (store.root(image) / "bin/app").read_bytes() == b"program"
    assert not (store.root(image) / "old").exists()
    assert image.process.cmd == ("/bin/app",)


def test_its_image_id_is_its_configuration_s_digest(store, archive):
    (image,) = store.load(archive)

    assert image.image_id("web:v1") == image.id


@pytest.mark.parametrize("write", [write_directory, write_archive])
def test_an_oci_layout_gives_the_image_of_this_machine_s_platform(store, tmp_path, write):
    files, digest = oci_layout(LAYERS, name="quay.io/me/web:v2")

    (image,) = store.load(write(tmp_path / "layout", files))

    assert image.image_id("quay.io/me/web:v2") == f"quay.io/me/web@{digest}"
    assert store.find(f"quay.io/me/web@{digest}") == image
    assert store.find(f"quay.io/me/web:whatever@{digest}") == image
    assert store.find(f"quay.io/me/other@{digest}") is None
    assert (store.root(image) / "bin/app").exists()


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_layers_and_archives_of_any_compression_are_read(store, tmp_path, compress):
    files, _ = oci_layout(LAYERS, name="web:v1", compress=compress)
    path = write_archive(tmp_path / "web.tar", files)
    path.write_bytes(compress(path.read_bytes()))

    (image,) = store.load(path)

    assert (store.root(image) / "bin/app").exists()


def test_an_archive_comes_through_a_pipe(store, archive):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    (image,) = store.load_stream(Pipe(gzip.compress(archive.read_bytes())))

    assert store.find("web:v1") == image


def test_an_archive_that_names_nothing_needs_a_name(store, tmp_path):
    files, _ = oci_layout(LAYERS)
    path = write_archive(tmp_path / "web.tar", files)

    with pytest.raises(ImageError, match="what its image is called"):
        store.load(path)
    (image,) = store.load(path, "mine:v1")

    assert store.find("mine:v1") == image


def test_an_image_of_another_architecture_is_refused(store, tmp_path):
    files, _ = oci_layout(LAYERS, name="web:v1", architecture="pdp11")

    with pytest.raises(ImageError, match="no image for linux/"):
        store.load(write_archive(tmp_path / "web.tar", files))


def test_a_damaged_layer_leaves_nothing(store, tmp_path):
    files, _ = oci_layout(LAYERS, name="web:v1", compress=bytes)
    blob = max(files, key=lambda name: len(files[name]))
    files[blob] = files[blob].replace(b"program", b"changed")

    with pytest.raises(ImageError, match="damaged"):
        store.load(write_archive(tmp_path / "web.tar", files))

    assert store.images() == []
    assert sorted(os.listdir(tmp_path / "images")) == ["lock"]


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", gzip.compress(b"no archive"), layer({"x": b""}), gzip.compress(b"x")[:-4]],
    ids=["empty", "text", "compressed text", "no image", "cut off"],
)
def test_what_is_no_image_is_refused(store, tmp_path, data):
    (tmp_path / "x.tar").write_bytes(data)

    with pytest.raises(ImageError, match=r"x\.tar"):
        store.load(tmp_path / "x.tar")


def test_documents_that_are_no_text_are_refused(store, tmp_path):
    write_archive(tmp_path / "x.tar", {"index.json": b'{"manifests": [{"digest": "\xff"}]}'})

    with pytest.raises(ImageError, match=r"x\.tar: index\.json"):
        store.load(tmp_path / "x.tar")


def test_a_file_that_is_not_there_is_named(store, tmp_path):
    with pytest.raises(ImageError, match=r"none\.tar cannot be read"):
        store.load(tmp_path / "none.tar")


def test_a_path_out_of_a_layout_is_refused(store, tmp_path):
    (tmp_path / "secret").write_bytes(b"{}")
    manifest = b'[{"Config": "../secret", "Layers": [], "RepoTags": ["x:1"]}]'

    with pytest.raises(ImageError, match=r"\.\./secret"):
        store.load(write_directory(tmp_path / "layout", {"manifest.json": manifest}))


def test_a_newer_image_takes_the_name_and_the_older_one_stays_by_its_id(store, archive, tmp_path):
    (old,) = store.load(archive)
    docker_archive(tmp_path / "new.tar", [layer({"new": b""})], tags=["web:v1"])

    (new,) = store.load(tmp_path / "new.tar")

    assert store.find("web:v1") == new
    assert store.get(old.id).names == {}


def test_another_process_s_images_are_seen_at_once(store, archive, tmp_path):
    other = ImageStore(tmp_path / "images")
    assert other.find("web:v1") is None

    (image,) = store.load(archive)

    assert other.find("web:v1") == image


def test_the_last_name_takes_the_image_along(store, archive, tmp_path):
    docker_archive(tmp_path / "again.tar", LAYERS, tags=["web:v2"], process={"Cmd": ["/bin/app"]})
    (image,) = store.load(archive)
    store.load(tmp_path / "again.tar")

    assert store.remove("web:v1") == ["Untagged: docker.io/library/web:v1"]
    assert store.root(image).exists()
    assert store.remove("web:v2") == ["Untagged: docker.io/library/web:v2", f"Deleted: {image.id}"]
    assert not store.root(image).exists()
    assert store.images() == []


def test_an_image_is_removed_by_the_beginning_of_its_id(store, archive):
    (image,) = store.load(archive)

    store.remove(image.id.removeprefix("sha256:")[:12])

    assert store.images() == []


@pytest.mark.parametrize("name", ["nothing", "web:v2", "abc", "No Name"])
def test_an_unknown_image_is_named(store, archive, name):
    store.load(archive)

    with pytest.raises(ImageNotFoundError, match=f"no such image: {name}"):
        store.remove(name)


def test_an_image_named_twice_in_one_archive_is_one(store, tmp_path):
    docker_archive(tmp_path / "web.tar", LAYERS, tags=["web:v1", "web:latest"])

    (image,) = store.load(tmp_path / "web.tar")

    assert sorted(image.names) == ["docker.io/library/web:latest", "docker.io/library/web:v1"]
