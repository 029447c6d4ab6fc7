# SPDX-License-Identifier: GPL-2.0-only
"""peers.py: what is compared, each in an emulated PC of the same form.

  1. the machine
  2. without a hypervisor
  3. domus
  4. others
  5. which there are

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


def said(words, name, environment=None):
    """Runs a machine to its end.  All that it said is kept in the log of the peer."""
    run = Run()
    path = os.path.join(images.logs(), "bench-%s.log" % name)
    try:
        result = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False,
                                env=environment)
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


# 4. Others: the host is Debian's kernel with nothing of domus's

def _host(order, name, options, script, words, environment=None):
    """SCRIPT is of inside/, and has WORDS before those for process 1."""
    return said([os.path.join(RIG, "vm"), "--bare", "--icount", "--cpu", CPU,
                 "--timeout", str(TIMEOUT), "--silence", str(TIMEOUT),
                 "--add", images.TESTS + ":/tests/bench", "--add",
                 images.guest(order.directory) + ":/guest.cpio"] + options +
                ["--", "/tests/bench/" + script] + words + order.words("memory"),
                name, environment)


def xen(order):
    """The guest's kernel is Debian's, too, which the tools of dom0 unpack."""
    root = images.packages("xen-tools")
    tools = os.path.join(root, "usr/lib/xen-4.17")
    # they are found under the same names inside
    libraries = ":".join((os.path.join(root, "usr/lib/x86_64-linux-gnu"),
                          os.path.join(tools, "lib/x86_64-linux-gnu")))
    options = ["--xen", images.hypervisor(),
               "--add", os.path.join(images.kernel(), "vmlinuz") + ":/vmlinuz"]
    for name in ("xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xenfs"):
        options += ["--module", name]
    for name in ("xl", "xenstored", "xenconsoled", "xenconsole", "xen-init-dom0"):
        options += ["--add", "%s/bin/%s:/usr/lib/xen-4.17/bin/%s" % (tools, name, name)]
    options += ["--add", os.path.join(root, "usr/bin/xenstore-read") + ":/bin/xenstore-read"]
    # which no program names, as only ending a thread needs it
    options += ["--add", "/lib/x86_64-linux-gnu/libgcc_s.so.1:/lib/x86_64-linux-gnu/libgcc_s.so.1"]
    return _host(order, "xen", options, "xen.sh", [libraries, "/vmlinuz", "/guest.cpio"],
                 dict(os.environ, LD_LIBRARY_PATH=libraries))


def _kvm(order, name, parameters):
    options = ["--module", "kvm_amd" + parameters,
               "--add", os.path.join(images.kernel(), "vmlinuz") + ":/vmlinuz",
               "--add", "/usr/bin/qemu-system-x86_64:/bin/qemu"]
    for path in ("seabios/bios-256k.bin", "qemu/linuxboot_dma.bin", "qemu/kvmvapic.bin"):
        options += ["--add", "/usr/share/%s:/firmware/%s" % (path, os.path.basename(path))]
    return _host(order, name, options, "kvm.sh", ["/vmlinuz", "/guest.cpio"])


def kvm(order):
    return _kvm(order, "kvm", "")


def kvm_shadow(order):
    return _kvm(order, "kvm-shadow", ":npt=0")


def uml(order):
    program = os.path.join(images.packages("uml"), "usr/bin/linux.uml")
    return _host(order, "uml", ["--add", program + ":/bin/linux.uml"], "uml.sh",
                 ["/guest.cpio"])


# 5. Which there are

PEERS = collections.OrderedDict((
    ("native", ("native", native)),
    ("own", ("domus's kernel, native", own)),
    ("domus", ("domus", domus)),
    ("xen", ("Xen PV", xen)),
    ("kvm", ("KVM, NPT", kvm)),
    ("kvm-shadow", ("KVM, shadow", kvm_shadow)),
    ("uml", ("UML", uml)),
))
