# SPDX-License-Identifier: GPL-2.0-only
"""profiled.py: the instructions of one operation, by class and by function.

  1. a machine that says all of them
  2. what they are
  3. as a table
"""
import collections
import os
import re
import subprocess

from riglib.places import BUILD, RigError

from . import images, peers, source, symbols, trace
from .run import Run

# 1. A machine that says all of them

ADDRESS = re.compile(r"^[0-9a-f]{16} ")


def _heard(process, file, on_symbols):
    """What the machine said.  ON_SYMBOLS is called with the host's, before it is measured."""
    run, lines = Run(), []
    for line in process.stdout:
        line = line.decode(errors="replace").rstrip("\r\n")
        if lines is not None and ADDRESS.match(line):
            lines.append(line)
            continue
        if lines is not None and line.startswith("bench: symbols "):
            on_symbols(symbols.parse(lines))
            lines = None
        file.write(line + "\n")
        run.line(line)
    process.wait()
    run.finish()
    return run


def boot(order, batches, native, guest):
    """The host's symbols, the batches of the log, what was said.  GUEST: its kernel's symbols."""
    log = os.path.join(order.directory, "instructions")
    reader, known = trace.Reader(log), []

    def on_symbols(host):
        known.append(host)
        reader.begin(trace.marks(host, 0) if native else trace.marks(guest, 3))
    path = os.path.join(images.logs(), "bench-profile.log")
    with open(path, "w") as file, subprocess.Popen(
            peers.profiled(order, batches, log, native), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            run = _heard(process, file, on_symbols)
        finally:
            # it would wait for a reader if this one is told to end
            process.terminate()
    whole = reader.finish()
    if run.trouble():
        raise RigError("%s (%s)" % (run.trouble(), path))
    if len(whole) != len(run.batches) or len(whole) < 2:
        raise RigError("%d batches of %d are in the log of instructions (%s)" %
                       (len(whole), len(run.batches), path))
    return known[0], whole, run


# 2. What they are

INTERRUPTS = re.compile(r"asm_(common_interrupt|sysvec_\w+|exc_nmi)$")


class Function:
    """One that was executed: of an operation, how often each instruction was."""

    def __init__(self, which, name, start):
        self.which, self.name, self.start = which, name, start
        self.offsets = collections.Counter()
        self.instructions = 0.0

    @property
    def calls(self):
        """Right unless its first instruction is a loop's, too."""
        return self.offsets[0]

    def add(self, offset, count):
        self.offsets[offset] += count
        self.instructions += count


class Profile:
    """The batch in the middle, by operation."""

    def __init__(self, places, whole, batches):
        """BATCHES: (OPERATIONS, TICKS) of each of WHOLE."""
        index, counts = trace.operation(whole)
        operations, ticks = batches[index]
        self.operations = operations
        self.ticks = (ticks - batches[0][1]) / operations
        functions = {}
        for (address, ring, by_host), count in counts.items():
            which, name, start, offset = places.of(address, ring, by_host)
            place = which, name, start
            if place not in functions:
                functions[place] = Function(*place)
            functions[place].add(offset, count / operations)
        self.functions = sorted(functions.values(), key=lambda one: -one.instructions)

    def total(self, which=None):
        return sum(one.instructions for one in self.functions if which in (None, one.which))

    def interrupts(self):
        return sum(one.calls for one in self.functions
                   if one.which == symbols.HOST and INTERRUPTS.match(one.name))

    def named(self, name):
        """Also its parts that the compiler has split off."""
        return [one for one in self.functions if name in (one.name, one.name.split(".")[0])]

    def data(self):
        return {"operations": self.operations, "ticks": self.ticks,
                "classes": {which: self.total(which) for which in symbols.CLASSES},
                "interrupts": self.interrupts(),
                "functions": [{"class": one.which, "function": one.name,
                               "instructions": one.instructions, "calls": one.calls}
                              for one in self.functions]}


def _user_symbols():
    """A program with symbols, which the measured one is without."""
    path = os.path.join(BUILD, "bench/rows.symbols")
    result = subprocess.run(["make", "-s", "-C", images.BENCH, "OUT=" + os.path.dirname(path),
                             path], check=False, stdout=subprocess.DEVNULL)
    if result.returncode:
        raise RigError("selftests/bench/rows does not build")
    return path


def measure(order, batches, native):
    """A Profile, and the binaries to list it from."""
    user = _user_symbols()
    paths = {symbols.USER: user, symbols.PROGRAM: user,
             symbols.HOST: os.path.join(images.kernel(), "vmlinux")}
    guest, switcher, base = symbols.Symbols(), symbols.Symbols(), 0
    if not native:
        kernel = os.path.dirname(images.guest_kernel())
        guest = symbols.of_map(os.path.join(kernel, "System.map"))
        paths[symbols.GUEST] = os.path.join(kernel, "vmlinux")
        paths[symbols.DOMUS] = os.path.join(symbols.MODULE, "domus.ko")
        paths[symbols.SWITCHER] = symbols.switcher_object(order.directory)
        switcher, base = symbols.of_switcher(paths[symbols.SWITCHER])
    host, whole, run = boot(order, batches, native, guest)
    program = symbols.of_file(user)
    places = symbols.Places(host, guest, switcher, None if native else program,
                            program if native else None)
    return Profile(places, whole, run.batches), source.Binaries(places, paths, base)


# 3. As a table

def _columns(lines):
    """The first and the second one are figures."""
    for line in lines:
        yield "%12s %9s  %s" % line if len(line) == 3 else line


def classes(profile):
    total = profile.total()
    lines = [("instructions", "share", "of an operation")]
    lines += [("%.1f" % profile.total(which), "%.1f %%" % (100 * profile.total(which) / total),
               which) for which in symbols.CLASSES if profile.total(which)]
    lines += [("%.1f" % total, "", "together; by the clock, as the bench counts: %.1f" %
               profile.ticks),
              ("", "%.3f" % profile.interrupts(), "interrupts of the host, which are counted, too")]
    return "\n".join(_columns(lines))


def functions(profile, top, wanted):
    shown = [one for one in profile.functions if one.which in wanted][:top]
    lines = [("instructions", "calls", "function")]
    lines += [("%.1f" % one.instructions, "%.2f" % one.calls, "%-12s  %s" % (one.which, one.name))
              for one in shown]
    return "\n".join(_columns(lines))


def function(one, binaries):
    lines = [("%.1f" % one.instructions, "%.2f" % one.calls, "%s, %s:" % (one.name, one.which))]
    lines += [("%.1f" % count, "", "%-28s %s" % (where, text)) for count, where, text in
              binaries.lines(one.which, one.name, one.start, one.offsets)]
    return "\n".join(_columns(lines))
