"""Services in each node's kernel: what kube-proxy does, with maps. The README draws the chains.

``index`` and ``plan`` decide once what each Service port needs; ``layout`` and ``rules`` turn that
into one node's table and its changes; ``syncer`` and ``loop`` [IO] bring them there.
"""
