# SPDX-License-Identifier: GPL-2.0-only
"""peers.py: what is compared, each in an emulated PC of the same form.

  1. the machine
  2. without a hypervisor
  3. domus
  4. which there are

A peer is a function that takes an Order and gives a Run.
"""
import collections
import os
import subprocess

from riglib.places import RIG, RigError

from . import images
from .run import Run

# 1. The machine.  5 levels of page tables and page clearing by a single instruction would
# hide what is compared; Xen's dom0 does not start with SMAP in this emulator.

CPU = "max,-la57,-erms,-fsrm,-smap"
QEMU = ["qemu-system-x86_64", "-accel", "tcg", "-icount", "shift=0,sleep=off", "-M", "pc",
        "-cpu", CPU, "-smp", "1", "-no-user-config", "-nodefaults", "-no-reboot",
        "-display", "none"]
TIMEOUT = 900       # seconds for one machine


class Order:
    """What is asked of a peer."""

    def __init__(self, directory, rows=(), counts=True, project=None):
        self.directory = directory  # for what lasts as long as the run
        self.rows = rows            # all if there are none
        self.counts = counts
        self.project = project      # more words for vm: another build of the project

    def words(self, *more):
        """What process 1 is told."""
        return list(more) + ["row=" + name for name in self.rows]


def said(words, name):
    """Runs a machine to its end.  All that it said is kept in the log of the peer."""
    run = Run()
    path = os.path.join(images.logs(), "bench-%s.log" % name)
    try:
        result = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False)
        text = result.stdout
    except subprocess.TimeoutExpired as error:
        text = error.output or b""
    with open(path, "wb") as file:
        file.write(text)
    for line in text.decode(errors="replace").split("\n"):
        run.line(line)
    run.finish()
    if run.trouble():
        raise RigError("%s: %s (%s)" % (name, run.trouble(), path))
    return run


# 2. Without a hypervisor

def _computer(order, name, kernel):
    initrd = images.guest(order.directory)
    append = ["console=ttyS0", "quiet", "tsc=reliable", "nokaslr", "--"] + order.words()
    return said(QEMU + ["-m", "1024M", "-serial", "stdio", "-kernel", kernel,
                        "-initrd", initrd, "-append", " ".join(append)], name)


def native(order):
    return _computer(order, "native", os.path.join(images.kernel(), "vmlinuz"))


def own(order):
    """The guest's kernel, in which the port sleeps."""
    return _computer(order, "own", images.guest_kernel())


# 3. domus

def domus(order):
    initrd = images.guest(order.directory)
    words = [os.path.join(RIG, "vm"), "--icount", "--cpu", CPU, "--timeout", str(TIMEOUT),
             "--silence", str(TIMEOUT), "--add", initrd + ":/guest.cpio"]
    more = ["count"] if order.counts else []
    return said(words + (order.project or []) +
                ["--", "/tests/bench/domus.sh", "/guest.cpio"] + order.words(*more, "memory"),
                "domus")


# 4. Which there are

PEERS = collections.OrderedDict((
    ("native", ("native", native)),
    ("own", ("domus's kernel, native", own)),
    ("domus", ("domus", domus)),
))
