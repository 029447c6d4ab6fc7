# SPDX-License-Identifier: GPL-2.0-only
"""versions.py: what was measured, and with what, for people who compare two results."""
import collections
import datetime
import os
import re
import subprocess

from riglib.places import TOP

from . import images, peers


def _said(*words):
    try:
        return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def commit():
    name = _said("git", "-C", TOP, "rev-parse", "--short=12", "HEAD")
    changed = _said("git", "-C", TOP, "status", "--porcelain", "--untracked-files=no",
                    "kmod", "uapi", "guest-patches", "userspace", "selftests/bench/rows")
    return (name or "unknown") + (" and changes" if changed else "")


def _of_package(path, name):
    """NAME-VERSION-SUM is what selftests/bench/packages calls it."""
    match = re.match(name + r"-(.*)-[0-9a-f]{8}$", os.path.basename(path))
    return match.group(1) if match else "unknown"


def all_of(names):
    """Pairs of a subject and its version; NAMES are the peers that were measured."""
    found = collections.OrderedDict()
    found["date"] = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    found["domus"] = commit()
    found["machine"] = "QEMU's pc by TCG, 1 CPU, -cpu %s, -icount shift=0,sleep=off" % peers.CPU
    found["QEMU"] = _said("qemu-system-x86_64", "--version").partition("\n")[0].replace(
        "QEMU emulator version ", "")
    found["kernel"] = "Debian's linux-image-" + os.path.basename(images.kernel()).replace(
        "kernel-", "", 1)
    found["compiler"] = _said("gcc", "--version").partition("\n")[0]
    if "xen" in names:
        found["Xen"] = _of_package(os.path.dirname(images.hypervisor()), "xen")
    if "uml" in names:
        found["UML"] = _of_package(images.packages("uml"), "uml")
    return found
