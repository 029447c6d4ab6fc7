# SPDX-License-Identifier: GPL-2.0-only
"""places.py: where the rig finds and keeps things (see env.sh)."""
import fcntl
import os
import subprocess
import sys

RIG = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(os.path.dirname(RIG))
BUILD = os.path.join(TOP, "build")
CACHE = os.environ.get("DOMUS_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "domus")


class RigError(Exception):
    """The rig cannot do what it was asked: a message for a person."""


def run_script(name, *args):
    """Runs a script of the rig; its last line of output is its answer."""
    result = subprocess.run([os.path.join(RIG, name), *args],
                            stdout=subprocess.PIPE, check=False, text=True)
    lines = result.stdout.split("\n")
    if result.returncode or len(lines) < 2:
        raise RigError("%s failed" % " ".join([name, *args]))
    return lines[-2]


def lock(path, waiting=None):
    """Waits for an exclusive lock that lasts until the file is closed.

    WAITING is said when there is something to wait for.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if waiting:
            say(waiting)
        fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def say(text):
    print("%s: %s" % (os.path.basename(sys.argv[0]), text), file=sys.stderr, flush=True)
