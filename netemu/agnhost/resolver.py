"""[IO] ``agnhost dns-suffix``, ``dns-server-list`` and ``etc-hosts``: what a pod's own files say."""

from __future__ import annotations

_RESOLV_CONF = "/etc/resolv.conf"
_HOSTS = "/etc/hosts"


def suffixes(_args: tuple[str, ...]) -> int:
    """Print the search list."""
    return _print_list("search")


def servers(_args: tuple[str, ...]) -> int:
    """Print the first nameserver, as the original does."""
    return _print_list("nameserver")


def hosts(_args: tuple[str, ...]) -> int:
    """Print the hosts file."""
    with open(_HOSTS) as file:
        print(file.read())
    return 0


def words_after(keyword: str, text: str) -> list[str] | None:
    """Give the words of the first line that begins with a keyword; None without one."""
    for line in text.split("\n"):
        if line.startswith(keyword):
            return line.split(" ")[1:]
    return None


def first_server() -> str:
    """Give `` on ADDRESS:53`` of the first nameserver, for errors; empty without one."""
    try:
        with open(_RESOLV_CONF) as file:
            found = words_after("nameserver", file.read())
    except OSError:
        return ""
    return f" on {found[0]}:53" if found else ""


def _print_list(keyword: str) -> int:
    with open(_RESOLV_CONF) as file:
        found = words_after(keyword, file.read())
    if found is None:
        raise SystemExit("panic: Could not find DNS search list!")
    print(",".join(found))
    return 0
