"""What can be wrong with an image or its name."""

from __future__ import annotations

from netemu.errors import NetemuError


class ImageError(NetemuError):
    """An archive is no image, is damaged, or cannot be unpacked."""

    code = "IMAGE_INVALID"


class InvalidReferenceError(NetemuError):
    """A text is no image's name."""

    code = "IMAGE_REFERENCE_INVALID"


class ImageNotFoundError(NetemuError):
    """No loaded image has this name or ID."""

    code = "IMAGE_NOT_FOUND"


class ImageInUseError(NetemuError):
    """A pod still needs the image."""

    code = "IMAGE_IN_USE"
