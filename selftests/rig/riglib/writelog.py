# SPDX-License-Identifier: GPL-2.0-only
"""writelog.py: what is left on a disk with a volatile cache when the power goes.

    python3 -m riglib.writelog [--ignore N] LOG IMAGE

LOG has all that was written to the disk, in the order in which it was done, as
QEMU's blklogwrites and Linux's dm-log-writes keep it: a superblock, then entries,
each with a sector of its own and its data behind that.  IMAGE is the disk as it
was when LOG began and becomes what a power cut at the end of LOG leaves: what was
written before the last flush that was completed, and what was written with FUA.
All else is lost, that is, stays as it was.  With --ignore, so many flushes at the
end of LOG are taken for words: a disk that did not do them.

Nothing in LOG tells what was written while a flush was going on from what that
flush was asked to save: it is kept, as it may be on a disk.

Said is how many entries LOG has, how many of them are flushes, and how many of
what they wrote is lost, not counting what is on IMAGE nevertheless.
"""
import argparse
import collections
import os
import struct
import sys

from .places import RigError, say

MAGIC = 0x6a736677736872
VERSION = 1
SUPER = struct.Struct("<QQQL")      # magic, version, entries, bytes in a sector
HEAD = struct.Struct("<QQQQ")       # sector, sectors, flags, length of a mark's text
FLUSH, FUA, DISCARD = 1, 2, 4
# Of so many that are under way together a part may be in the log: QEMU's virtio queue.
UNDER_WAY = 256

# START and LENGTH are the disk's, DATA is the place in the log; all in bytes.
Entry = collections.namedtuple("Entry", "start length flags data")


def read_entries(log):
    """The log's entries up to the first that was still being written at the end."""
    end = os.fstat(log.fileno()).st_size
    log.seek(0)
    head = log.read(SUPER.size)
    if not head:
        return []
    if len(head) < SUPER.size:
        raise RigError("the log of writes is shorter than its superblock")
    magic, version, count, sector_size = SUPER.unpack(head)
    if magic != MAGIC or version != VERSION or not sector_size:
        raise RigError("this is no log of writes")
    entries = []
    position = sector_size
    while len(entries) < count:
        log.seek(position)
        head = log.read(HEAD.size)
        # a place that was taken for an entry but not written to: a hole in the file
        if len(head) < HEAD.size or not any(head):
            break
        sector, sectors, flags, _ = HEAD.unpack(head)
        if flags & ~(FLUSH | FUA | DISCARD):
            raise RigError("entry %d of the log of writes has flags 0x%x" % (len(entries), flags))
        data, length = position + sector_size, sectors * sector_size
        position = data if flags & DISCARD else data + length
        if position > end:
            break
        entries.append(Entry(sector * sector_size, length, flags, data))
    if count - len(entries) > UNDER_WAY:
        raise RigError("the log of writes breaks off after %d of %d entries" %
                       (len(entries), count))
    return entries


def content(log, entry):
    """What the disk has where the entry was written: zeroes after a discard."""
    if entry.flags & DISCARD:
        return bytes(entry.length)
    log.seek(entry.data)
    return log.read(entry.length)


def replay(log, image, ignore=0):
    """Cuts the power: see above.  Returns the numbers of entries, flushes and losses."""
    entries = read_entries(log)
    flushes = [index for index, entry in enumerate(entries) if entry.flags & FLUSH]
    saved = flushes[-1 - ignore] if ignore < len(flushes) else 0
    size = os.fstat(image.fileno()).st_size
    lost = []
    for index, entry in enumerate(entries):
        if entry.start + entry.length > size:
            raise RigError("entry %d of the log of writes is beyond the disk" % index)
        if index < saved or entry.flags & FUA:
            image.seek(entry.start)
            image.write(content(log, entry))
        else:
            lost.append(entry)
    differing = 0
    for entry in lost:
        image.seek(entry.start)
        differing += image.read(entry.length) != content(log, entry)
    return len(entries), len(flushes), differing


def main():
    parser = argparse.ArgumentParser(prog="writelog", usage="writelog [--ignore N] LOG IMAGE")
    parser.add_argument("--ignore", metavar="N", type=int, default=0)
    parser.add_argument("log")
    parser.add_argument("image")
    options = parser.parse_args()
    try:
        with open(options.log, "rb") as log, open(options.image, "r+b") as image:
            print("%d entries, %d flushes, %d lost" % replay(log, image, options.ignore))
    except OSError as error:
        raise RigError(str(error)) from error


if __name__ == "__main__":
    try:
        main()
    except RigError as failure:
        say("Error: %s" % failure)
        sys.exit(1)
