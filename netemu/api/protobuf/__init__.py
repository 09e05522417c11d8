"""Kubernetes' protobuf encoding: read, for client-go sends it, and written for who takes nothing else."""

from netemu.api.protobuf.envelope import CONTENT_TYPE, decode_object, encode_event, encode_object

__all__ = ["CONTENT_TYPE", "decode_object", "encode_event", "encode_object"]
