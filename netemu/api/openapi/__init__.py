"""The API described as OpenAPI 3 (a document for each group and version) and OpenAPI 2 (one for all).

Documents are made from the kinds that are served and from ``definitions.json.gz``, which
``scripts/generate-schema`` makes, whenever someone asks: nothing of them stays in memory.
"""
