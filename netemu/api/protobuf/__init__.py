"""Kubernetes' protobuf encoding of objects, read into JSON: what kubectl and client-go send by default."""

from netemu.api.protobuf.envelope import CONTENT_TYPE, decode_object

__all__ = ["CONTENT_TYPE", "decode_object"]
