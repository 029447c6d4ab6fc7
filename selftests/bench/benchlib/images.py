# SPDX-License-Identifier: GPL-2.0-only
"""images.py: what the machines boot: kernels, and initramfs whose process 1 measures."""
import os
import subprocess
import threading

from riglib import cpio, payload
from riglib.places import BUILD, CACHE, RigError

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TESTS = os.path.join(BUILD, "tests/bench")


def kernel():
    """The directory with Debian's kernel, see selftests/rig/stock-kernel."""
    return payload.kernel_directory("stock")


def release():
    with open(os.path.join(kernel(), "release")) as file:
        return file.read().strip()


def module(name):
    """The path of a module of Debian's kernel."""
    for root, _, files in os.walk(os.path.join(kernel(), "lib/modules")):
        if name + ".ko" in files:
            return os.path.join(root, name + ".ko")
    raise RigError("the kernel has no module '%s'" % name)


def in_order(names):
    """Modules as they have to be loaded: what depends on another one has more to depend on."""
    needs = {}
    with open(os.path.join(kernel(), "lib/modules", release(), "modules.dep")) as file:
        for line in file:
            path, _, others = line.partition(":")
            needs[os.path.basename(path).partition(".ko")[0]] = len(others.split())
    return sorted(names, key=lambda name: needs.get(name, 0))


def guest_kernel():
    path = os.path.join(BUILD, "guest/bzImage")
    if not os.path.exists(path):
        raise RigError("the guest kernel is not built (make guest)")
    return path


def _made_by(*words):
    """What a script beside this package says last: a path."""
    result = subprocess.run([os.path.join(BENCH, words[0]), *words[1:]],
                            stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise RigError("%s failed" % " ".join(words))
    return result.stdout.strip().split("\n")[-1]


def packages(name):
    return _made_by("packages", name)


def hypervisor():
    return _made_by("xen")


def guest(directory, name, modules=()):
    """An initramfs of which "rows" is process 1; MODULES are in /mods."""
    path = os.path.join(directory, "guest-%s.cpio" % name)
    archive = cpio.Archive()
    for name in ("dev", "proc", "sys", "mods"):
        archive.directory(name)
    archive.device("dev/console", 5, 1)
    archive.device("dev/zero", 1, 5, 0o666)
    for place, name in (("init", "rows"), ("nothing", "nothing")):
        program = os.path.join(TESTS, name)
        if not os.path.exists(program):
            raise RigError("%s is not built (make tests)" % program)
        archive.data(place, payload.read(program), 0o755)
    for name in modules:
        archive.data("mods/%s.ko" % name, payload.read(module(name)))
    # another machine may be reading it just now
    new = "%s.%d" % (path, threading.get_ident())
    with open(new, "wb") as file:
        file.write(archive.finish())
    os.replace(new, path)
    return path


def logs():
    path = os.path.join(CACHE, "log")
    os.makedirs(path, exist_ok=True)
    return path
