# SPDX-License-Identifier: GPL-2.0-only
"""source.py: where in a function the instructions go: by line where the binary knows lines,
else by instruction.
"""
import collections
import os
import re
import subprocess

from riglib.places import RigError

from . import symbols

LEAST = 0.05        # what would be shown as 0.0
HEAD = re.compile(r"^([0-9a-f]+) <")
WHERE = re.compile(r"^(/\S+?):(\d+)(?: |$)")
CODE = re.compile(r"^\s+([0-9a-f]+):\t(.*)")


def _objdump(*words):
    try:
        return subprocess.run(("objdump", "-w", "--no-show-raw-insn") + words, check=True,
                              stdout=subprocess.PIPE, text=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise RigError("objdump: %s" % error) from error


def _parse(text):
    """Blocks of code: (START, [(ADDRESS, (FILE, LINE) or None, INSTRUCTION)...])."""
    blocks, where = [], None
    for line in text.split("\n"):
        head, at, code = HEAD.match(line), WHERE.match(line), CODE.match(line)
        if head:
            where = None
            blocks.append((int(head.group(1), 16), []))
        elif at:
            where = at.group(1), int(at.group(2))
        elif code and blocks:
            blocks[-1][1].append((int(code.group(1), 16), where, code.group(2)))
    return blocks


class Binaries:
    """What is executed, by class; that which is missing is not listed."""

    def __init__(self, places, paths, switcher=None):
        self._places = places
        self._paths = paths
        self._switcher = switcher       # where the cell's text begins in its file

    def _listing(self, which, name, start):
        known = self._places.by_class[which]
        path = self._paths.get(which)
        if not path or not os.path.exists(path):
            raise RigError("%s: there is no binary to list it from" % name)
        if which == symbols.DOMUS:
            # it is not yet at its address there, but in the same order
            blocks = _parse(_objdump("-dl", "--disassemble=" + name, path))
            index = known.named(name).index(start)
            base, block = blocks[index] if index < len(blocks) else (0, [])
        else:
            base = start + (self._switcher if which == symbols.SWITCHER else 0)
            kind = ("-D", "-j", ".rodata") if which == symbols.SWITCHER else ("-dl",)
            blocks = _parse(_objdump(*kind, "--start-address=%#x" % base, "--stop-address=%#x" %
                                     (base - start + known.end(start)), path))
            block = [item for _, part in blocks for item in part]
        return [(address - base, where, code) for address, where, code in block]

    def lines(self, which, name, start, counts):
        """COUNTS: by offset.  A list of (INSTRUCTIONS, WHERE, TEXT)."""
        listed = self._listing(which, name, start)
        if not any(where for _, where, _ in listed):
            return [(counts.get(offset, 0), "+%#x" % offset, text.replace("\t", " "))
                    for offset, _, text in listed if counts.get(offset, 0) >= LEAST]
        by_line = collections.Counter()
        for offset, where, _ in listed:
            by_line[where or ("?", 0)] += counts.get(offset, 0)
        return [(count, "%s:%d" % (os.path.basename(path), number), _text(path, number))
                for (path, number), count in sorted(by_line.items()) if count >= LEAST]


def _text(path, number):
    try:
        with open(path, errors="replace") as file:
            return file.read().split("\n")[number - 1].strip()
    except (OSError, IndexError):
        return ""
