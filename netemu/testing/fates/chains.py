"""Which cases of the table are for kube-proxy's iptables mode."""

from __future__ import annotations

from netemu.testing.fates.case import LOST, REFUSED, Case, Client, Target, Trait
from netemu.testing.fates.oracle import fate


def is_for_chains(case: Case) -> bool:
    """Leave out what kube-proxy's iptables mode does not see: then a packet goes where routes lead it.

    That is the service range as a whole, and what a node itself sends to the addresses of Services
    without endpoints that are no ClusterIPs.
    """
    unserved = case.target in (Target.UNDEFINED_PORT, Target.UNALLOCATED, Target.UNALLOCATED_LATER)
    unserved |= (
        case.target is Target.CLUSTER_IP and fate(case) == LOST and case.service.trait is not Trait.NONE
    )
    by_node = case.client in (Client.NODE, Client.REMOTE_NODE)
    by_node &= case.target in (Target.BALANCER, Target.EXTERNAL_IP)
    return not unserved and not (by_node and fate(case) == REFUSED)
