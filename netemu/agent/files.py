"""/etc/hostname, /etc/hosts and /etc/resolv.conf of a pod, as Kubernetes writes them. Pure.

Sources: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ and
…/add-entries-to-pod-etc-hosts-with-host-aliases/.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from netemu.api.views.core import DnsConfig, Pod

MAX_HOSTNAME = 63
MAX_FQDN = 64  # __NEW_UTS_LEN of Linux
MAX_SEARCHES = 32
MAX_SEARCH_CHARACTERS = 2048
MAX_NAMESERVERS = 3


def pod_hostname(pod: Pod) -> str:
    """Give the pod's hostname: ``spec.hostname`` or its name, cut to what Linux takes."""
    if pod.spec.hostname_override:
        return pod.spec.hostname_override
    name = pod.spec.hostname or pod.metadata.name
    return name if len(name) <= MAX_HOSTNAME else name[:MAX_HOSTNAME].rstrip("-.")


def kernel_hostname(pod: Pod, domain: str) -> str:
    """Give what ``hostname`` says in a pod: its hostname, or its whole name (setHostnameAsFQDN)."""
    return _full_name(pod, domain) if pod.spec.set_hostname_as_fqdn else pod_hostname(pod)


def find_long_name(pod: Pod, domain: str) -> str:
    """Say why a pod cannot have its whole name as hostname; empty if it can, or does not want to."""
    name = kernel_hostname(pod, domain)
    if len(name) <= MAX_FQDN:
        return ""
    return (
        f"failed to construct FQDN from pod hostname and cluster domain, FQDN {name} is too long "
        f"({MAX_FQDN} characters is the max, {len(name)} characters requested)"
    )


def _full_name(pod: Pod, domain: str) -> str:
    name = pod_hostname(pod)
    if not pod.spec.subdomain or pod.spec.hostname_override:
        return name
    return f"{name}.{pod.spec.subdomain}.{pod.metadata.namespace}.svc.{domain}"


def hosts_file(pod: Pod, addresses: Sequence[str], domain: str) -> str:
    """Write /etc/hosts of a pod that has its own network namespace."""
    lines = [
        "# Kubernetes-managed hosts file.",
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "fe00::0\tip6-localnet",
        "fe00::0\tip6-mcastprefix",
        "fe00::1\tip6-allnodes",
        "fe00::2\tip6-allrouters",
    ]
    hostname, full = pod_hostname(pod), _full_name(pod, domain)
    names = hostname if full == hostname else f"{full}\t{hostname}"
    lines += [f"{address}\t{names}" for address in addresses]
    return "\n".join(lines) + "\n" + _aliases(pod)


def host_network_hosts_file(pod: Pod, machine_hosts: str) -> str:
    """Write /etc/hosts of a pod that shares its node's network: the node's own, and the aliases."""
    header = "# Kubernetes-managed hosts file (host network).\n"
    return header + machine_hosts + _aliases(pod)


def resolv_conf(pod: Pod, *, cluster_dns: str, domain: str, machine: str) -> str:
    """Write /etc/resolv.conf by the pod's dnsPolicy.

    ``machine`` is the machine's own file; its search domains follow the cluster's, as a
    kubelet does. ClusterFirst on the host network means Default.
    """
    nameservers, searches, options = parse_resolv_conf(machine)
    policy = pod.spec.dns_policy
    if policy == "ClusterFirst" and pod.spec.host_network:
        policy = "Default"
    if policy == "None":
        nameservers, searches, options = [], [], []
    elif policy != "Default":
        namespace = pod.metadata.namespace
        nameservers = [cluster_dns]
        searches = [f"{namespace}.svc.{domain}", f"svc.{domain}", domain, *searches]
        options = ["ndots:5"]
    if pod.spec.dns_config is not None:
        nameservers, searches, options = _merge(pod.spec.dns_config, nameservers, searches, options)
    return _render(nameservers, searches, options)


def parse_resolv_conf(text: str) -> tuple[list[str], list[str], list[str]]:
    """Read nameservers, search domains and options of a resolv.conf (resolv.conf(5))."""
    nameservers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        match words:
            case ["nameserver", server, *_]:
                nameservers.append(server)
            case ["search" | "domain", *domains]:
                searches = [domain for domain in domains if domain != "."]
            case ["options", *more]:
                options += more
    return nameservers, searches, options


def _merge(
    config: DnsConfig, nameservers: list[str], searches: list[str], options: list[str]
) -> tuple[list[str], list[str], list[str]]:
    by_name = {option.split(":")[0]: option for option in options}
    for option in config.options:
        value = option.get("value")
        by_name[option["name"]] = f"{option['name']}:{value}" if value else option["name"]
    return (
        list(dict.fromkeys([*nameservers, *config.nameservers])),
        list(dict.fromkeys([*searches, *config.searches])),
        list(by_name.values()),
    )


def _render(nameservers: list[str], searches: list[str], options: list[str]) -> str:
    lines = []
    if searches:
        lines.append("search " + " ".join(_fitting(searches[:MAX_SEARCHES])))
    lines += [f"nameserver {server}" for server in nameservers[:MAX_NAMESERVERS]]
    if options:
        lines.append("options " + " ".join(options))
    return "\n".join(lines) + "\n"


def _fitting(searches: list[str]) -> list[str]:
    """Give the first search domains, as many as fit with a space between each."""
    lengths = accumulate(len(search) + 1 for search in searches)
    return [search for search, end in zip(searches, lengths, strict=True) if end - 1 <= MAX_SEARCH_CHARACTERS]


def _aliases(pod: Pod) -> str:
    if not pod.spec.host_aliases:
        return ""
    lines = [f"{alias.ip}\t" + "\t".join(alias.hostnames) for alias in pod.spec.host_aliases]
    return "\n# Entries added by HostAliases.\n" + "\n".join(lines) + "\n"
