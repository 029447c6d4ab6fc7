# SPDX-License-Identifier: GPL-2.0-only
"""smp.py: what vCPUs cost each other, in a domain and in a PV guest of Xen's.

Two machines of the same form, with one CPU for each of five vCPUs, count instructions
of all CPUs.  In one Xen starts build/tests/bench/xencosts as dom0, in the other Debian's
kernel and domus start build/tests/guest/smpcosts: what is done and measured is the code
of selftests/guest/lib/costs.c in both, each vCPU stays on its CPU in both.  (Xen's start is
made of delays that count the TSC: there it makes 8 ticks for each instruction, which are
divided by again.)
"""
import os
import re
import subprocess

from riglib.places import BUILD, RIG, RigError

from . import images, peers, table
from .run import Run

ROWS = table.PARTS["smp"]
VCPUS = 5
SHIFT = 3           # of Xen's clock: ticks of an instruction, as a power of two
TIMEOUT = 600       # seconds for one machine
FIGURES = re.compile(r"costs: wake (\d+) flush (\d+) change (\d+)(?: stale (\d+))?")


def _said(words, name, shift=0):
    """The figures that a program printed, whose end is no concern.  The log has the rest."""
    path = os.path.join(images.logs(), "bench-%s-smp.log" % name)
    try:
        text = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False).stdout
    except subprocess.TimeoutExpired as error:
        text = error.output or b""
    with open(path, "wb") as file:
        file.write(text)
    match = FIGURES.search(text.decode(errors="replace").replace("\r", ""))
    if not match or int(match.group(4) or 0):
        raise RigError("%s: %s (%s)" % (name, "stale reads" if match else "no figures", path))
    run = Run()
    for row, ticks in zip(ROWS, match.groups()):
        run.rows[row] = (int(ticks) >> shift,) * 3
    return run


def xen(order):
    words = ["qemu-system-x86_64", "-accel", "tcg", "-icount", "shift=%d,sleep=off" % SHIFT,
             "-M", "pc", "-cpu", peers.CPU, "-smp", str(VCPUS), "-m", "512M",
             "-no-user-config", "-nodefaults", "-no-reboot", "-display", "none",
             "-serial", "stdio", "-kernel", images.hypervisor(),
             "-append", "console=com1 com1=115200,8n1 dom0_mem=64M,max:64M dom0_max_vcpus=%d "
             "dom0_vcpus_pin" % VCPUS,
             "-initrd", os.path.join(BUILD, "tests/bench/xencosts")]
    return _said(words, order.named("xen"), SHIFT)


def domus(order):
    return _said([os.path.join(RIG, "vm"), "--icount", "--smp", str(VCPUS), "--cpu", peers.CPU,
                  "--timeout", str(TIMEOUT), "--silence", str(TIMEOUT)] + (order.project or []) +
                 ["--", "insmod /domus.ko && /tests/guest/smpcosts.sh"],
                 order.named("domus-before" if order.project else "domus"))


PEERS = {"domus": domus, "xen": xen}
