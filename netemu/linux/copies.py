"""[IO] Run one of our own programs as a copy of this process, which need not load again what is loaded here.

A copy shares the memory that neither writes to. /proc shows it as if it had been executed, and in
all else it is as if it were. Only for processes of one thread: a copy has no other.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from importlib import import_module

TYPE_CHECKING = False  # a shim per node imports this: typing would cost each 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

_PR_SET_MM = 35  # linux/prctl.h
_PR_SET_MM_MAP = 14
_FIRST_OWN_FD = 3
_PYTHON = (sys.executable, "-P", "-m")
_PYTHONS = (  # what an interpreter sets when it starts
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGPIPE, signal.SIG_IGN),
    (signal.SIGXFSZ, signal.SIG_IGN),
)


class _Map(ctypes.Structure):
    """``struct prctl_mm_map``: where the parts of a process are."""

    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("start_code", "end_code", "start_data", "end_data")),
        *((name, ctypes.c_uint64) for name in ("start_brk", "brk", "start_stack")),
        *((name, ctypes.c_uint64) for name in ("arg_start", "arg_end", "env_start", "env_end", "auxv")),
        ("auxv_size", ctypes.c_uint32),
        ("exe_fd", ctypes.c_int32),
    )


class Parts:
    """Where the parts of this process are; those of a copy are there too, and it may have no /proc."""

    def __init__(self) -> None:
        with open("/proc/self/stat", "rb") as stat:
            # The command's name may hold blanks and brackets: fields are counted from the last ")".
            third_on = stat.read().rpartition(b")")[2].split()
        self.start_code, self.end_code, self.start_stack = (int(field) for field in third_on[23:26])
        self.start_data, self.end_data, self.start_brk = (int(field) for field in third_on[42:45])


def is_own(argv: Sequence[str]) -> bool:
    """Tell whether a command line is one that a copy can become: our interpreter with a module."""
    return tuple(argv[: len(_PYTHON)]) == _PYTHON


def become(parts: Parts, argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Be this program from now on, with our descriptors 0, 1 and 2, in a process just forked.

    Where the kernel shows no other command line than that of the start, it is executed.
    """
    try:
        _show(parts, argv, env)
    except OSError:
        os.closerange(_FIRST_OWN_FD, os.sysconf("SC_OPEN_MAX"))
        os.execve(argv[0], list(argv), dict(env))
    gc.freeze()  # nothing of before is found to be garbage, nor its descriptors closed: they have new owners
    signal.set_wakeup_fd(-1)
    for signum, handler in _PYTHONS:
        signal.signal(signum, handler)
    os.closerange(_FIRST_OWN_FD, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(env)
    sys.argv = list(argv[len(_PYTHON) :])
    gc.enable()
    _run(sys.argv[0])


def _run(module: str) -> NoReturn:
    code = 1
    try:
        program = import_module(module)
        if hasattr(program, "__path__"):  # a package
            program = import_module(f"{module}.__main__")
        code = program.main() or 0
    except SystemExit as err:
        code = _exit_code(err)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _exit_code(err: SystemExit) -> int:
    """Do with it what an interpreter does at its end."""
    if err.code is None or isinstance(err.code, int):
        return err.code or 0
    print(err.code, file=sys.stderr)
    return 1


def _show(parts: Parts, argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Let /proc show these as what this process was executed with (prctl(2)); OSError if it does not.

    The kernel reads them here, whenever somebody looks.
    """
    words = b"".join(os.fsencode(word) + b"\0" for word in argv)
    values = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in env.items())
    shown = ctypes.create_string_buffer(words + values)
    _shown.append(shown)
    start = ctypes.addressof(shown)
    middle, end = start + len(words), start + len(words) + len(values)
    wanted = _Map(**vars(parts), arg_start=start, arg_end=middle, env_start=middle, env_end=end, exe_fd=-1)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sbrk.restype = ctypes.c_void_p
    wanted.brk = libc.sbrk(0)  # the one part that moves: nothing is allocated between this and the call
    size = ctypes.c_ulong(ctypes.sizeof(wanted))
    if libc.prctl(_PR_SET_MM, _PR_SET_MM_MAP, ctypes.byref(wanted), size, ctypes.c_ulong(0)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl: {os.strerror(number)}")


_shown: list[object] = []
