"""Addresses for Services of type LoadBalancer, announced as MetalLB does, in layer 2 and by BGP.

``kinds`` are the objects that set it up, ``pools``, ``asked``, ``announcement`` and ``peering`` what
is read of them and of Services, ``allocation`` who gets which address, ``plan`` who announces it,
``routes``, ``routing`` and ``frr`` how routers are configured for that: all pure. ``speaker`` [IO] is
one node's kernel, ``router`` [IO] one node's bgpd, ``loop`` [IO] brings all together.
"""
