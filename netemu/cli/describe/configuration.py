"""ConfigMaps and Secrets: what they hold, or how much of it."""

from __future__ import annotations

from base64 import b64decode

from netemu.cli.describe.head import Object, write_labels, write_name
from netemu.cli.describe.sheet import Sheet


def write_config_map(sheet: Sheet, config_map: Object) -> None:
    """Write everything about a ConfigMap but its events."""
    write_name(sheet, config_map)
    write_labels(sheet, config_map)
    _write_title(sheet, "Data")
    for key, text in sorted((config_map.get("data") or {}).items()):
        for line in (f"{key}:", "----", *text.split("\n"), ""):
            sheet.write(0, line)
    _write_title(sheet, "BinaryData")
    for key, encoded in sorted((config_map.get("binaryData") or {}).items()):
        sheet.write(0, f"{key}: {_size(encoded)} bytes")
    sheet.write(0, "")


def write_secret(sheet: Sheet, secret: Object) -> None:
    """Write everything about a Secret but what it keeps."""
    write_name(sheet, secret)
    write_labels(sheet, secret)
    sheet.write(0, "")
    sheet.write(0, "Type:", secret.get("type") or "Opaque")
    _write_title(sheet, "Data")
    for key, encoded in sorted((secret.get("data") or {}).items()):
        sheet.write(0, f"{key}:", f"{_size(encoded)} bytes")


def _write_title(sheet: Sheet, title: str) -> None:
    for line in ("", title, "=" * 4):
        sheet.write(0, line)


def _size(encoded: str) -> int:
    return len(b64decode(encoded))
