"""What a browser's form uploads. Pure; RFC 7578."""

from __future__ import annotations

from netemu.agnhost.model import Request

_SCRIPT = """\
mkdir -p /uploads && umask 077 && name=$(mktemp /uploads/uploadXXXXXXXXXX) &&
cat >"$name" && chmod 0700 "$name" && printf %s "$name"
"""
STORE = ("/bin/sh", "-c", _SCRIPT)
"""The command that writes its input to a new file and says which."""


def find_file(request: Request, name: str) -> bytes | None:
    """Find a file among the parts of a request's body."""
    kind, *parameters = (word.strip() for word in request.header("content-type").split(";"))
    boundary = next((word[9:].strip('"') for word in parameters if word.lower().startswith("boundary=")), "")
    if kind.lower() != "multipart/form-data" or not boundary:
        return None
    for part in (b"\r\n" + request.body).split(b"\r\n--" + boundary.encode())[1:]:
        head, found, data = part.partition(b"\r\n\r\n")
        if found and _is_file(head.decode("latin-1"), name):
            return data
    return None


def _is_file(head: str, name: str) -> bool:
    for line in head.split("\r\n"):
        field, _, value = line.partition(":")
        if field.strip().lower() == "content-disposition":
            words = {word.strip() for word in value.split(";")}
            return f'name="{name}"' in words and any(word.startswith("filename=") for word in words)
    return False
