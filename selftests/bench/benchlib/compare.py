# SPDX-License-Identifier: GPL-2.0-only
"""compare.py: another commit's module, domctl and guest kernel, built under the cache."""
import os
import subprocess

from riglib.places import CACHE, RigError, TOP, lock, say


def _must(*words, **more):
    result = subprocess.run(words, check=False, text=True, **more)
    if result.returncode:
        raise RigError("%s failed" % " ".join(words))
    return result.stdout


def build(revision):
    """What vm is told, to take that one's instead of this checkout's."""
    commit = _must("git", "-C", TOP, "rev-parse", "--verify", "--quiet", revision + "^{commit}",
                   stdout=subprocess.PIPE).strip()
    place = os.path.join(CACHE, "compare-" + commit[:12])
    fd = lock(place + ".lock")
    try:
        if not os.path.exists(place):
            os.makedirs(place + ".new", exist_ok=True)
            archive = subprocess.Popen(["git", "-C", TOP, "archive", commit],
                                       stdout=subprocess.PIPE)
            _must("tar", "-x", "-C", place + ".new", stdin=archive.stdout)
            if archive.wait():
                raise RigError("git archive %s failed" % commit)
            os.rename(place + ".new", place)
        say("building %s" % commit[:12])
        _must("make", "-s", "-C", place, "module", "domctl", "guest",
              stdout=subprocess.DEVNULL)
    finally:
        os.close(fd)
    return ["--domus", os.path.join(place, "build/module/domus.ko"),
            "--add", os.path.join(place, "userspace/domctl/domctl") + ":/bin/domctl",
            "--add", os.path.join(place, "build/guest/bzImage") + ":/boot/bzImage"]
