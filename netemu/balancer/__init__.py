"""Addresses for Services of type LoadBalancer, announced into the fabric as MetalLB's layer 2 mode does.

``kinds`` are the objects that set it up, ``pools`` and ``asked`` what is read of them and of
Services, ``allocation`` who gets which address, ``announcement`` which node answers for it: all
pure. ``speaker`` [IO] is one node's kernel, ``loop`` [IO] brings all together.
"""
