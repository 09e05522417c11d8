"""Keys and certificates of one cluster, and the tokens that they sign.

The only package that imports ``cryptography`` (11 MB, 120 ms): a process of its own makes the
files (``python -m netemu.pki``), and the daemon loads the library with the first token.
"""
