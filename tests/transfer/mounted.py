"""A mounted drive that can drop off: a file system of our own, served over /dev/fuse.

What is written to it lands in a plain folder. The server is a process of its own; when it is
killed, the kernel answers every call on the mount as it does on Colab when Google Drive's server
is gone: errno 107, "Transport endpoint is not connected".

Called as a program (`python -m tests.transfer.mounted FOLDER MOUNT`) it is that server. It must
run where mounting is allowed: in a mount namespace of its own (`unshare --map-root-user --mount`).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

LOOKUP, FORGET, GETATTR, SETATTR, MKDIR, UNLINK = 1, 2, 3, 4, 9, 10
RENAME, OPEN, READ, WRITE, RELEASE, FSYNC, FLUSH, INIT = 12, 14, 15, 16, 18, 20, 25, 26
OPENDIR, READDIR, RELEASEDIR, CREATE, BATCH_FORGET, RENAME2 = 27, 28, 29, 35, 42, 45
BIGGEST = 2**17  # bytes in one write
DETACH = 2  # of umount2: also where files are open
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(folder: Path, at: Path) -> subprocess.Popen:
    """Serve `folder` at `at` and return the server once it answers."""
    command = [sys.executable, "-m", "tests.transfer.mounted", str(folder), str(at)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline().strip() == "mounted", "the mount was refused"
    return server


def drop(server: subprocess.Popen) -> None:
    """Kill the server; the mount stays, and answers nothing but errno 107."""
    server.kill()
    server.wait()


def unmount(at: Path) -> None:
    """Take a dropped mount away, as `force_remount=True` does before it mounts again."""
    if LIBC.umount2(str(at).encode(), DETACH):
        raise OSError(ctypes.get_errno(), "umount2")


class Server:
    """Answers the kernel's questions about one mount from a plain folder."""

    def __init__(self, folder: Path):
        self.paths = {1: folder}  # by the number that the kernel knows a file by
        self.last = 1

    def attributes(self, path: Path) -> bytes:
        """Return a file's attributes as the kernel wants them."""
        stat = os.lstat(path)
        times = (int(stat.st_atime), int(stat.st_mtime), int(stat.st_ctime), 0, 0, 0)
        numbers = (self.number(path), stat.st_size, stat.st_blocks, *times)
        return struct.pack("<6Q10I", *numbers, stat.st_mode, 1, 0, 0, 0, 4096, 0)

    def number(self, path: Path) -> int:
        """Return the number of a path, a new one if need be."""
        known = {path: number for number, path in self.paths.items()}
        if path not in known:
            self.last += 1
            self.paths[self.last] = path
        return known.get(path, self.last)

    def entry(self, path: Path) -> bytes:
        """Return what a look-up answers; nothing may be remembered by the kernel."""
        attributes = self.attributes(path)
        return struct.pack("<4Q2I", self.number(path), 0, 0, 0, 0, 0) + attributes

    def answer(self, code: int, node: int, body: bytes) -> bytes | None:
        """Return the answer to one call, None where none is expected.

        Raises:
            OSError: what the caller is to see.
        """
        path = self.paths.get(node)
        if code == INIT:
            return struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 8, 8, BIGGEST, 1, 1, 0, *[0] * 8)
        if code in (FORGET, BATCH_FORGET):
            return None
        if code == LOOKUP:
            return self.entry(path / name(body))
        if code == GETATTR:
            return struct.pack("<Q2I", 0, 0, 0) + self.attributes(path)
        if code == SETATTR:
            valid, size = struct.unpack_from("<I", body)[0], struct.unpack_from("<Q", body, 16)[0]
            if valid & 8:
                os.truncate(path, size)
            return struct.pack("<Q2I", 0, 0, 0) + self.attributes(path)
        if code == MKDIR:
            os.mkdir(path / name(body[8:]))
            return self.entry(path / name(body[8:]))
        if code == CREATE:
            new = path / name(body[16:])
            new.write_bytes(b"")
            return self.entry(new) + struct.pack("<Q2I", 0, 1, 0)  # 1: no page cache
        if code in (OPEN, OPENDIR):
            return struct.pack("<Q2I", 0, 1 if code == OPEN else 0, 0)
        if code == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            with open(path, "rb") as file:
                return os.pread(file.fileno(), size, offset)
        if code == READDIR:
            return self.listing(path, struct.unpack_from("<QQI", body)[1])
        if code == WRITE:
            _, offset, size = struct.unpack_from("<QQI", body)
            with open(path, "r+b") as file:
                os.pwrite(file.fileno(), body[40 : 40 + size], offset)
            return struct.pack("<2I", size, 0)
        if code in (RENAME, RENAME2):
            old, new = body[8 if code == RENAME else 16 :].split(b"\0")[:2]
            target = self.paths[struct.unpack_from("<Q", body)[0]] / new.decode()
            os.replace(path / old.decode(), target)
            self.paths = {k: v for k, v in self.paths.items() if v != target}
            moved = path / old.decode()
            self.paths = {k: target if v == moved else v for k, v in self.paths.items()}
            return b""
        if code == UNLINK:
            os.unlink(path / name(body))
            return b""
        if code in (RELEASE, RELEASEDIR, FSYNC, FLUSH):
            return b""
        raise OSError(errno.ENOSYS, "not served")

    def listing(self, path: Path, offset: int) -> bytes:
        """Return the names in a folder, all at once: no test has many."""
        found = b""
        for number, one in enumerate(sorted(os.listdir(path)), 1):
            text = one.encode()
            padding = b"\0" * (-len(text) % 8)
            found += struct.pack("<2Q2I", number, number, len(text), 0) + text + padding
        return b"" if offset else found

    def serve(self, device: int) -> None:
        """Answer until the mount is taken away."""
        while True:
            asked = os.read(device, BIGGEST + 4096)
            _, code, unique, node = struct.unpack_from("<IIQQ", asked)
            wrong, said = 0, b""
            try:
                said = self.answer(code, node, asked[40:])
            except OSError as error:
                wrong = -(error.errno or errno.EIO)
            if said is not None:
                with suppress(FileNotFoundError):  # the caller was killed meanwhile
                    os.write(device, struct.pack("<IiQ", 16 + len(said), wrong, unique) + said)


def name(body: bytes) -> str:
    """Return the name that a question ends with."""
    return body.split(b"\0")[0].decode()


def main(folder: Path, at: Path) -> None:
    """Mount and serve."""
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    if LIBC.mount(b"drive", str(at).encode(), b"fuse.drive", 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    print("mounted", flush=True)
    Server(folder).serve(device)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
