"""Services as kube-proxy's iptables mode writes them: a chain for each, to read and to compare.

Pure but for ``syncer``. Where this differs from the maps of ``netemu.proxy``: README.md there.
"""
