# SPDX-License-Identifier: GPL-2.0-only
"""cpio.py: writes newc archives, the format of an initramfs.

Needs neither root (device nodes) nor a staging directory, and the same input
gives the same bytes.
"""
import os
import stat


class Archive:
    """An archive in memory.  Parent directories are added as needed."""

    def __init__(self):
        self._chunks = []
        self._seen = set()
        self._inode = 0

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        self._inode += 1
        raw = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0,
                  rdev[0], rdev[1], len(raw), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + raw
        self._chunks += [head, bytes(-len(head) % 4),
                         data, bytes(-len(data) % 4)]

    def _parents(self, name):
        parent = os.path.dirname(name)
        if parent:
            self.directory(parent)

    def directory(self, name, mode=0o755):
        name = name.strip("/")
        if name in self._seen:
            return
        self._seen.add(name)
        self._parents(name)
        self._entry(name, stat.S_IFDIR | mode)

    def data(self, name, content, mode=0o644):
        """A regular file.  The last of several of one name is what counts."""
        name = name.strip("/")
        self._parents(name)
        self._entry(name, stat.S_IFREG | mode, content)

    def symlink(self, name, target):
        name = name.strip("/")
        self._parents(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor, mode=0o600):
        name = name.strip("/")
        self._parents(name)
        self._entry(name, stat.S_IFCHR | mode, rdev=(major, minor))

    def tree(self, source, name):
        """A file (links followed) or a directory with all below it."""
        if not os.path.isdir(source):
            with open(source, "rb") as file:
                self.data(name, file.read(), os.stat(source).st_mode & 0o777)
            return
        self.directory(name)
        for entry in sorted(os.listdir(source)):
            path = os.path.join(source, entry)
            if os.path.islink(path) and not os.path.exists(path):
                continue
            self.tree(path, os.path.join(name, entry))

    def finish(self):
        self._entry("TRAILER!!!", 0)
        size = sum(map(len, self._chunks))
        # The kernel skips zeroes between archives, which lets them be joined.
        return b"".join(self._chunks) + bytes(-size % 512)
