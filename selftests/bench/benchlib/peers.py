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
import shutil
import subprocess

from riglib.places import RIG, RigError

from . import images
from .run import Run

# 1. The machine.  5 levels of page tables and page clearing by a single instruction would
# hide what is compared; Xen's dom0 does not start with SMAP in this emulator.

CPU = "max,-la57,-erms,-fsrm,-smap"
PTI_CPU = "Haswell,-erms"       # the host keeps its page tables from its own programs
QEMU = ["qemu-system-x86_64", "-accel", "tcg", "-icount", "shift=0,sleep=off", "-M", "pc",
        "-cpu", CPU, "-smp", "1", "-no-user-config", "-nodefaults", "-no-reboot",
        "-display", "none"]
TIMEOUT = 900       # seconds for one machine


# What I/O goes to: a disk of memory, by its driver, without whatever reads ahead or caches;
# a program beside the hypervisor, by TCP.
BRD = "brd:rd_nr=1 rd_size=16384"
BRIDGE = ("crc32c_generic", "bridge", "veth", "nft_chain_nat", "nft_masq", "nft_ct",
          "nft_meta_bridge")
FRONTS = {
    "native": ("brd",),
    "xen": ("xen-blkfront", "xen-netfront"),
    "kvm": ("virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev",
            "virtio_pci", "virtio_blk", "failover", "net_failover", "virtio_net"),
}
REACHED = {
    "native": ["serve", "module=/mods/brd.ko,rd_nr=1,rd_size=16384", "disk=/dev/ram0",
               "net=lo,127.0.0.1,127.0.0.1"],
    "domus": ["disk=/dev/vda", "net=eth0,10.213.0.2,10.213.0.1"],
    "xen": ["disk=/dev/xvda", "net=eth0,10.0.0.2,10.0.0.1"],
    "kvm": ["disk=/dev/vda", "net=eth0,10.0.0.2,10.0.0.1"],
}


class Order:
    """What is asked of a peer."""

    def __init__(self, directory, rows=(), counts=True, project=None, part="rows"):
        self.directory = directory  # for what lasts as long as the run
        self.rows = rows            # all if there are none
        self.counts = counts
        self.project = project      # more words for vm: another build of the project
        self.part = part            # rows, io or smp

    def initrd(self, name):
        modules = FRONTS.get(name, ()) if self.part == "io" else ()
        return images.guest(self.directory, "%s-%s" % (name, self.part), modules)

    def words(self, name, *more):
        """What process 1 is told."""
        words = list(more) + ["row=" + row for row in self.rows]
        if self.part == "rows":
            return words
        fronts = FRONTS.get(name, ()) if name != "native" else ()
        loads = ["module=/mods/%s.ko" % module for module in images.in_order(fronts)]
        return [word for word in words if word != "memory"] + loads + REACHED[name]

    def named(self, name):
        return name if self.part == "rows" else name + "-io"


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


def _vm(*more, cpu=CPU):
    return [os.path.join(RIG, "vm"), "--icount", "--cpu", cpu, "--timeout", str(TIMEOUT),
            "--silence", str(TIMEOUT)] + list(more)


def _modules(*names):
    return [word for name in names for word in ("--module", name)]


def _added(*pairs):
    return [word for source, place in pairs for word in ("--add", "%s:%s" % (source, place))]


# 2. Without a hypervisor

def _computer(order, name, kernel):
    append = ["console=ttyS0", "quiet", "tsc=reliable", "nokaslr", "--"] + order.words(name)
    return said(QEMU + ["-m", "1024M", "-serial", "stdio", "-kernel", kernel,
                        "-initrd", order.initrd(name), "-append", " ".join(append)],
                order.named(name))


def native(order):
    return _computer(order, "native", os.path.join(images.kernel(), "vmlinuz"))


def own(order):
    """The guest's kernel, in which the port sleeps."""
    return _computer(order, "own", images.guest_kernel())


# 3. domus

def _tool(name):
    # what is for root is not in everybody's path
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise RigError("%s is missing: run 'make deps'" % name)
    return os.path.realpath(path), "/bin/" + name


def _with_domus(order, cpu=CPU):
    words = _vm(*_added((order.initrd("domus"), "/guest.cpio")), cpu=cpu) + (order.project or [])
    if order.part == "io":
        words += _modules(BRD, *BRIDGE)
        words += _added(*(_tool(name) for name in ("ip", "bridge", "nft", "ethtool")))
    return words


def domus(order):
    more = ["count"] if order.counts else []
    return said(_with_domus(order) + ["--", "/tests/bench/domus.sh", order.part, "/guest.cpio"] +
                order.words("domus", *more, "memory"),
                order.named("domus-before" if order.project else "domus"))


def domus_pti(order):
    return said(_with_domus(order, PTI_CPU) +
                ["--", "env", "PTI=1", "/tests/bench/domus.sh", order.part, "/guest.cpio"] +
                order.words("domus", *(["count"] if order.counts else [])),
                order.named("domus-pti"))


def profiled(order, batches, log, native):
    """What boots a host that runs BATCHES ("OPERATIONS,BATCHES") of a row and has each
    instruction said to LOG: in a domain, or with NATIVE beside none."""
    words = _vm() if native else _with_domus(order)
    if native and order.part == "io":
        words += _modules(BRD)
    told = order.words("native" if native else "domus", "profile=" + batches)
    return (words + ["--", "/tests/bench/profile.sh", "native" if native else order.part, log] +
            # the rig has loaded it
            [word for word in told if not word.startswith("module=")])


# 4. Others: the host is Debian's kernel with nothing of domus's

def _bare(order, name):
    return _vm("--bare") + _added((images.TESTS, "/tests/bench"),
                                  (order.initrd(name), "/guest.cpio"),
                                  (os.path.join(images.kernel(), "vmlinuz"), "/vmlinuz"))


def xen(order):
    """The guest's kernel is Debian's, too, which the tools of dom0 unpack."""
    root = images.packages("xen-tools")
    tools = os.path.join(root, "usr/lib/xen-4.17")
    # they are found under the same names inside
    libraries = ":".join((os.path.join(root, "usr/lib/x86_64-linux-gnu"),
                          os.path.join(tools, "lib/x86_64-linux-gnu")))
    words = _bare(order, "xen") + ["--xen", images.hypervisor()]
    words += _modules("xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xenfs")
    if order.part == "io":
        words += _modules(BRD, "xen-blkback", "xen-netback")
    words += _added(*(("%s/bin/%s" % (tools, name), "/usr/lib/xen-4.17/bin/" + name) for name in
                      ("xl", "xenstored", "xenconsoled", "xenconsole", "xen-init-dom0")))
    words += _added(*(("%s/usr/bin/%s" % (root, name), "/bin/" + name) for name in
                      ("xenstore-read", "xenstore-write")))
    # which no program names, as only ending a thread needs it
    words += _added(("/lib/x86_64-linux-gnu/libgcc_s.so.1",) * 2)
    return said(words + ["--", "/tests/bench/xen.sh", order.part, libraries, "/vmlinuz",
                         "/guest.cpio"] + order.words("xen", "memory"),
                order.named("xen"), dict(os.environ, LD_LIBRARY_PATH=libraries))


def _kvm(order, name, parameters):
    words = _bare(order, "kvm") + _modules("kvm_amd" + parameters)
    if order.part == "io":
        words += _modules(BRD, "tun", "tap", "vhost_net")
    words += _added(("/usr/bin/qemu-system-x86_64", "/bin/qemu"))
    words += _added(*(("/usr/share/" + path, "/firmware/" + os.path.basename(path)) for path in
                      ("seabios/bios-256k.bin", "qemu/linuxboot_dma.bin", "qemu/kvmvapic.bin")))
    return said(words + ["--", "/tests/bench/kvm.sh", order.part, "/vmlinuz", "/guest.cpio"] +
                order.words("kvm", "memory"), order.named(name))


def kvm(order):
    return _kvm(order, "kvm", "")


def kvm_shadow(order):
    return _kvm(order, "kvm-shadow", ":npt=0")


def uml(order):
    program = os.path.join(images.packages("uml"), "usr/bin/linux.uml")
    return said(_bare(order, "uml") + _added((program, "/bin/linux.uml")) +
                ["--", "/tests/bench/uml.sh", "/guest.cpio"] + order.words("uml"), "uml")


# 5. Which there are

PEERS = collections.OrderedDict((
    ("native", ("native", native)),
    ("own", ("domus's kernel, native", own)),
    ("domus", ("domus", domus)),
    ("domus-pti", ("domus, PTI host", domus_pti)),
    ("xen", ("Xen PV", xen)),
    ("kvm", ("KVM, NPT", kvm)),
    ("kvm-shadow", ("KVM, shadow", kvm_shadow)),
    ("uml", ("UML", uml)),
))

# Of those, I/O goes by devices that are alike.
IO_PEERS = ("native", "domus", "xen", "kvm")
