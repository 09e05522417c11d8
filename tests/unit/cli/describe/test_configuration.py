"""How ConfigMaps and Secrets are described."""

from netemu.api.kinds import CONFIG_MAP, SECRET
from netemu.cli.describe.page import render_page


def _described(kind, **fields):
    obj = {"metadata": {"name": "c", "namespace": "default"}, **fields}
    return render_page(kind, obj, {}, now_s=0.0).split("Annotations:  <none>\n")[1]


def test_a_config_map_shows_its_texts_as_they_are():
    page = _described(CONFIG_MAP, data={"b": "x\ny\n", "a": "hello"}, binaryData={"c": "AAAA"})

    assert page == (
        "\nData\n====\na:\n----\nhello\n\nb:\n----\nx\ny\n\n\n"
        "\nBinaryData\n====\nc: 3 bytes\n\nEvents:  <none>\n"
    )


def test_a_secret_keeps_what_it_holds():
    assert _described(SECRET, type="Opaque", data={"a": "aGVsbG8="}) == (
        "\nType:  Opaque\n\nData\n====\na:  5 bytes\n"
    )
