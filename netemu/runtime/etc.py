"""The private /etc of a container: a few files of the machine, and a few written for it. Pure."""

from __future__ import annotations

SHARED = (
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "gai.conf",
    "inputrc",
    "iproute2",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "rpc",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
)
"""Names under the machine's /etc that programs need and that say nothing about the machine; never
/etc/ssl or /etc/pki as a whole, which hold its private keys."""

# Debian's tcpdump becomes a user of this name, or ends.
_USERS = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
tcpdump:x:72:72::/nonexistent:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""

_GROUPS = """\
root:x:0:
daemon:x:1:
bin:x:2:
adm:x:4:
tty:x:5:
mail:x:8:
www-data:x:33:
tcpdump:x:72:
nogroup:x:65534:
"""

_NSSWITCH = """\
passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
ethers: files
rpc: files
"""

_HOMES = {int(line.split(":")[2]): line.split(":")[5] for line in _USERS.splitlines()}
_PRIMARY_GROUPS = {int(line.split(":")[2]): int(line.split(":")[3]) for line in _USERS.splitlines()}


def home_of(uid: int) -> str:
    """Give a user's home, as runtimes look it up; "/" for one that passwd does not know."""
    return _HOMES.get(uid, "/")


def primary_group_of(uid: int) -> int:
    """Give a user's group; root's for one that passwd does not know."""
    return _PRIMARY_GROUPS.get(uid, 0)


def passwd_with(uid: int, gid: int) -> str:
    """Give a passwd with a user of this number, named by it if it has no name; empty if it has one."""
    if uid in _HOMES:
        return ""
    return f"{_USERS}{uid}:x:{uid}:{gid}:{uid} user:/:/usr/sbin/nologin\n"


_WGETRC = "tries = 1\n"
"""busybox's wget, which most images have, tries once; GNU's would try 20 times for minutes."""

WRITTEN = {
    "passwd": _USERS,
    "group": _GROUPS,
    "nsswitch.conf": _NSSWITCH,
    "host.conf": "multi on\n",
    "wgetrc": _WGETRC,
}
"""Files written once per node and bound into every container's /etc."""
