# SPDX-License-Identifier: GPL-2.0-only
"""payload.py: what the machine finds inside, as an initramfs.

  base    busybox and process 1; cached by content
  run     the module, domctl, the guest kernel, tests, what the caller adds, and
          the orders for process 1; made for each run

Both are plain cpio archives, one behind the other, uncompressed: unpacking is
emulated, and copying is cheaper there than inflating.

Inside:
  /bin             busybox, domctl, rig (asks for injections)
  /domus.ko        the module, not loaded
  /boot            bzImage and initrd.cpio of the guest
  /tests/{host,guest,bench,fuzz,rig}   what build/tests/ and selftests/rig/inside hold
"""
import glob
import hashlib
import os
import re
import subprocess

from . import cpio
from .places import BUILD, CACHE, RIG, RigError, TOP, lock, run_script

BUSYBOX = "/bin/busybox"
GUEST_MODULES = ("dummy", "zram")
# What busybox-static offers but the machine has a better one of, or none.
NO_APPLET = {"busybox", "init", "linuxrc"}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def cached(name, key, make):
    """A file of the cache whose content depends on nothing but KEY."""
    path = os.path.join(CACHE, "%s-%s" % (name, hashlib.sha256(key).hexdigest()[:16]))
    if not os.path.exists(path):
        fd = lock(path + ".lock")
        try:
            if not os.path.exists(path):
                make(path + ".new")
                os.rename(path + ".new", path)
        finally:
            os.close(fd)
    return path


def _busybox(archive):
    if not os.path.exists(BUSYBOX):
        raise RigError("%s is missing: run 'make deps'" % BUSYBOX)
    archive.data("bin/busybox", read(BUSYBOX), 0o755)
    applets = subprocess.run([BUSYBOX, "--list"], stdout=subprocess.PIPE,
                             check=True, text=True).stdout.split()
    for applet in applets:
        if applet not in NO_APPLET:
            archive.symlink("bin/" + applet, "busybox")


def _static(name, source):
    """A static program built from one C file of the rig."""
    def make(path):
        subprocess.run(["gcc", "-O2", "-static", "-Wall", "-Werror", "-o", path, source],
                       check=True)
    return cached(name, read(source), make)


def guest_initrd():
    """The root file system of Linux guests: a shell on the console, or run=COMMAND.

    The programs of build/tests/linux (selftests/guest/linux) are in its /bin, and
    those modules of the guest's kernel in /lib/modules that they load.
    """
    script = os.path.join(TOP, "guest-patches/mkinitrd.sh")
    if not os.path.exists(script):
        return None
    folder = os.path.join(BUILD, "tests/linux")
    programs = [os.path.join(folder, name) for name in sorted(os.listdir(folder))] \
        if os.path.isdir(folder) else []
    modules = [os.path.join(BUILD, "guest/modules", name + ".ko") for name in GUEST_MODULES]
    programs += filter(os.path.exists, modules)

    def make(path):
        subprocess.run([script, path] + programs, check=True)
    key = b"".join(read(path) for path in [script, BUSYBOX] + programs)
    return cached("guest-initrd", key, make)


def _base():
    init = _static("rig-init", os.path.join(RIG, "init.c"))

    def make(path):
        archive = cpio.Archive()
        for name in ("proc", "sys", "dev", "run", "tmp", "root", "etc", "lib/modules", "tests", "rig", "mnt"):
            archive.directory(name)
        archive.device("dev/console", 5, 1)
        archive.device("dev/null", 1, 3, 0o666)
        _busybox(archive)
        archive.data("init", read(init), 0o755)
        archive.symlink("bin/rig", "/init")
        archive.symlink("sbin", "bin")
        archive.data("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
                     b"nobody:x:65534:65534:nobody:/:/bin/sh\n")
        archive.data("etc/group", b"root:x:0:\nnogroup:x:65534:\ndomus:x:900:\n")
        with open(path, "wb") as file:
            file.write(archive.finish())
    key = read(init) + read(BUSYBOX) + read(__file__)
    return cached("rig-base", key, make)


def _libraries(program):
    """The shared libraries a program needs, as absolute paths."""
    out = subprocess.run(["ldd", program], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=False, text=True).stdout
    if re.search("=> not found", out):
        raise RigError("%s: a shared library is missing: run 'make deps'" % program)
    return re.findall(r"(?:=> |^\s*)(/\S+) \(0x", out, re.MULTILINE)


def add_program(archive, source, name):
    """A file or directory, with the libraries of every ELF file in it."""
    files = [source] if not os.path.isdir(source) else [
        os.path.join(root, entry) for root, _, entries in os.walk(source)
        for entry in entries]
    archive.tree(source, name)
    for path in files:
        if not os.path.isfile(path) or not os.access(path, os.X_OK):
            continue
        with open(path, "rb") as file:
            if file.read(4) != b"\x7fELF":
                continue
        for library in _libraries(path):
            # A library may be found by two names; each is wanted under its own.
            if library not in archive.libraries:
                archive.libraries.add(library)
                archive.data(library, read(library), 0o755)


def _kernel_modules(archive, kernel, names):
    """The named modules of the booted kernel, after all they depend on: lines to load them."""
    if not names:
        return []
    with open(os.path.join(kernel, "release")) as file:
        base = os.path.join(kernel, "lib/modules", file.read().strip())
    depends = {}
    with open(os.path.join(base, "modules.dep")) as file:
        for line in file:
            path, _, needs = line.partition(":")
            short = os.path.basename(path).partition(".ko")[0].replace("-", "_")
            depends[short] = [path] + needs.split()
    order, params = [], {}
    for name in names:
        name, _, args = name.partition(":")
        short = name.replace("-", "_")
        if short not in depends:
            raise RigError("the kernel has no module '%s'" % name)
        params[depends[short][0]] = args.replace(":", " ")
        # modules.dep lists the dependencies from the nearest to the farthest.
        for path in reversed(depends[short]):
            if path not in order:
                order.append(path)
    lines = []
    for path in order:
        inside = "/lib/modules/" + os.path.basename(path)
        archive.data(inside, read(os.path.join(base, path)))
        lines.append((inside + " " + params.get(path, "")).strip() + "\n")
    return lines


def _project(archive, module, tests, linux):
    """What is built of domus.  Nothing of it has to exist: see --bare."""
    if module and os.path.exists(module):
        archive.data("domus.ko", read(module))
    domctl = os.path.join(TOP, "userspace/domctl/domctl")
    if os.path.exists(domctl):
        add_program(archive, domctl, "bin/domctl")
    guest = os.path.join(BUILD, "guest/bzImage")
    if linux and os.path.exists(guest):
        archive.data("boot/bzImage", read(guest))
    initrd = linux and guest_initrd()
    if initrd:
        archive.data("boot/initrd.cpio", read(initrd))
    folder = os.path.join(BUILD, "tests")
    if os.path.isdir(folder):
        for entry in sorted(os.listdir(folder)):
            if tests is None or entry in tests:
                add_program(archive, os.path.join(folder, entry), "tests/" + entry)
    add_program(archive, os.path.join(RIG, "inside"), "tests/rig")


def build(path, kernel, command, settings, module=None, aids=None, modules=(), added=(),
          bare=False, tests=None, linux=True):
    """Writes the initramfs to PATH.

    KERNEL is a directory of stock-kernel or build-debug-kernel, COMMAND the
    words to run, SETTINGS the lines of /rig/conf, AIDS where the rig's own modules
    are, if they are, MODULES those of the kernel to load, ADDED pairs (file or directory, place inside),
    TESTS the folders of build/tests (None: all), LINUX the guest kernel and its initrd, too.
    """
    archive = cpio.Archive()
    archive.libraries = set()
    if not bare:
        _project(archive, module, tests, linux)
    first = []
    for aid in sorted(glob.glob(os.path.join(aids or "/none", "*.ko"))) if not bare else ():
        name = "lib/modules/" + os.path.basename(aid)
        archive.data(name, read(aid))
        if os.path.basename(aid) == "still.ko":
            first = ["/%s\n" % name]
    lines = first + _kernel_modules(archive, kernel, modules)
    archive.data("rig/modules", "".join(lines).encode())
    for source, name in added:
        if not os.path.exists(source):
            raise RigError("--add %s: no such file" % source)
        add_program(archive, source, name)
    archive.data("rig/conf", "".join("%s=%s\n" % item for item in settings.items()).encode())
    archive.data("rig/argv", b"".join(word.encode() + b"\0" for word in command))
    with open(path, "wb") as file:
        file.write(read(_base()))
        file.write(archive.finish())


def kernel_directory(flavour):
    if flavour in ("debug", "kcsan"):
        return run_script("build-debug-kernel", flavour, "--if-built")
    return run_script("stock-kernel", flavour)
