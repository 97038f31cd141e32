"""Run a command with no network but its own loopback: `python -m companion.cli.offline CMD ...`.

Meant to be started inside a new network namespace (`unshare --net`), where even the loopback is
down; a Jupyter kernel talks to its client over it. A patched socket would not reach a kernel.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys

# linux/if.h and linux/sockios.h; Python names neither
IFF_UP = 0x1
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
_PROBE = (
    "import socket; here = socket.create_server(('127.0.0.1', 0)); "
    "socket.create_connection(here.getsockname(), timeout=5)"
)


def network_cut() -> list[str]:
    """Return the words to put before a command so that it runs without a network.

    The list is empty where this system cannot do it: not Linux, no `unshare`, or new user
    namespaces forbidden.
    """
    words = ["unshare", "--map-root-user", "--net", sys.executable, "-m", "companion.cli.offline"]
    try:
        probe = subprocess.run([*words, sys.executable, "-c", _PROBE], capture_output=True)
    except OSError:
        return []
    return words if probe.returncode == 0 else []


def raise_loopback() -> None:
    """Bring the loopback interface of this network namespace up.

    Raises:
        OSError: not Linux, or not allowed in this namespace.
    """
    from fcntl import ioctl  # absent on Windows, where this module is still imported

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", ioctl(handle, SIOCGIFFLAGS, request))[1]
        ioctl(handle, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


if __name__ == "__main__":
    raise_loopback()
    os.execvp(sys.argv[1], sys.argv[1:])
