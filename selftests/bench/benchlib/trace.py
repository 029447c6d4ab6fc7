# SPDX-License-Identifier: GPL-2.0-only
"""trace.py: the emulator's log of executed instructions, read as it comes.

It says a line for each: "Trace CPU: WHERE [CS/ADDRESS/FLAGS/...] ...".  Nothing of it is
kept but how often each address was executed in each batch, so memory is bounded by code.
(A few lines of it are of instructions that an interrupt or a fault put off, and so come
twice: about one in ten thousand.)

  1. lines to batches
  2. a thread that reads them
"""
import collections
import fcntl
import os
import re
import threading

from . import symbols

# 1. Lines to batches

LINE = re.compile(rb"\[[0-9a-f]+/([0-9a-f]+/[0-9a-f]+)/")
RING = 3            # bits of the flags
# What rows.c calls before and behind a batch.
BEGIN, END = "__x64_sys_sched_get_priority_min", "__x64_sys_sched_get_priority_max"

# What is to be done for an instruction besides counting it.
_PLAIN, _LOW, _CELL, _HOST, _BEGIN, _END = range(6)


def marks(known, ring):
    """By address and ring, of the kernel whose symbols KNOWN are."""
    return {(address, ring): kind for kind, name in ((_BEGIN, BEGIN), (_END, END))
            for address in known.named(name)}


class _Kinds(dict):
    """By the text of a line; made when it is met first."""

    def __init__(self, marked):
        super().__init__()
        self._marked = marked

    def __missing__(self, text):
        address, ring = key(text)
        kind = self._marked.get((address, ring))
        if kind is None and ring == 0:
            kind = _CELL if symbols.in_cell(address, ring) else _HOST
        elif kind is None:
            kind = _PLAIN if address >> 63 else _LOW
        self[text] = kind
        return kind


def key(text):
    """Address and ring."""
    address, flags = text.split(b"/")
    return int(address, 16), int(flags, 16) & RING


class Batches:
    """Batches that are whole: counters by (ADDRESS, RING, BY_HOST), see symbols.Places.of()."""

    def __init__(self, marked):
        self.whole = []
        self._kinds = _Kinds(marked)
        self._now = None                        # the batch that is open, by text
        self._unused = collections.Counter()    # what is between them
        self._by_host = True
        self._rest = b""

    def feed(self, data):
        """DATA may end within a line."""
        data, newline, rest = (self._rest + data).rpartition(b"\n")
        self._rest = rest
        if not newline:
            return
        kinds, by_host = self._kinds, self._by_host
        counts = self._unused if self._now is None else self._now
        for text in LINE.findall(data):
            kind = kinds[text]
            if kind:
                if kind == _LOW:
                    # the same addresses are a guest's program and one of the host's
                    text = (text, by_host)
                elif kind == _CELL:
                    by_host = False
                elif kind == _HOST:
                    by_host = True
                else:
                    counts = self._mark(kind)
            counts[text] += 1
        self._by_host = by_host
        self._unused.clear()

    def _mark(self, kind):
        if kind == _END and self._now is not None:
            self.whole.append(self._merged(self._now))
        self._now = collections.Counter() if kind == _BEGIN else None
        return self._unused if self._now is None else self._now

    @staticmethod
    def _merged(texts):
        """Flags other than the ring make several texts of an address."""
        merged = collections.Counter()
        for text, count in texts.items():
            text, by_host = text if isinstance(text, tuple) else (text, False)
            merged[key(text) + (by_host,)] += count
        return merged


def operation(whole):
    """Of batches, the index and the counter of the one in the middle, less what the first one
    has, which is of nothing but the marks."""
    order = sorted(range(1, len(whole)), key=lambda index: sum(whole[index].values()))
    index = order[(len(order) - 1) // 2]
    counts = whole[index].copy()
    counts.subtract(whole[0])
    return index, +counts


# 2. A thread that reads them

PIPE = 1 << 20
F_SETPIPE_SZ = 1031
LAST = b"\nthe end\n"


class Reader(threading.Thread):
    """Of a FIFO that it makes, from start() to finish()."""

    def __init__(self, path):
        super().__init__(daemon=True)
        os.mkfifo(path)
        # it is no reader's end, so that the emulator may open and close it as it likes
        self._fd = os.open(path, os.O_RDWR)
        fcntl.fcntl(self._fd, F_SETPIPE_SZ, PIPE)
        self.batches = None

    def begin(self, marked):
        """From here on it reads; MARKED: see marks()."""
        self.batches = Batches(marked)
        self.start()

    def run(self):
        tail = b""
        while not tail.endswith(LAST):
            data = os.read(self._fd, PIPE)
            self.batches.feed(data)
            tail = (tail + data)[-len(LAST):]

    def finish(self):
        """When nobody writes any more.  The batches that were whole."""
        if self.batches is None:
            return []
        os.write(self._fd, LAST)
        self.join()
        os.close(self._fd)
        return self.batches.whole
