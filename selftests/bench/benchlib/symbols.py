# SPDX-License-Identifier: GPL-2.0-only
"""symbols.py: what is where: names by address, and what runs at an address.

  1. names by address
  2. those of the switcher
  3. places
"""
import bisect
import os
import re
import shlex
import subprocess

from riglib.places import BUILD, RIG, RigError

# 1. Names by address

SYMBOL = re.compile(r"^([0-9a-f]+) ([a-zA-Z]) (\S+)(?:\s+\[(\w+)\])?$")


class Symbols:
    """Each reaches to the next one.  Of several names of an address the first is taken."""

    def __init__(self, triples=()):
        """Of address, name and the host's module that it belongs to, if any."""
        self._all = {}
        self._by_name = {}
        for address, name, module in triples:
            self._all.setdefault(address, (name, module))
            self._by_name.setdefault(name, []).append(address)
        self._starts = sorted(self._all)

    def __len__(self):
        return len(self._starts)

    def at(self, address):
        """(START, NAME, MODULE), or None below all."""
        index = bisect.bisect_right(self._starts, address) - 1
        return (self._starts[index],) + self._all[self._starts[index]] if index >= 0 else None

    def end(self, start):
        index = bisect.bisect_right(self._starts, start)
        return self._starts[index] if index < len(self._starts) else start + 4096

    def named(self, name):
        """Addresses of all that are called so."""
        return sorted(self._by_name.get(name, ()))


def parse(lines, kinds="tTwW"):
    """Of nm, System.map or /proc/kallsyms."""
    matches = (SYMBOL.match(line.strip()) for line in lines)
    return Symbols((int(match.group(1), 16), match.group(3), match.group(4))
                   for match in matches if match and match.group(2) in kinds)


def _output(*words):
    result = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise RigError("%s failed" % " ".join(words[:2]))
    return result.stdout


def of_file(path):
    return parse(_output("nm", path).split("\n"))


def of_map(path):
    with open(path) as file:
        return parse(file)


# 2. The switcher is data to the module, and its labels but a few are local: they are kept by
# assembling it once more.

MODULE = os.path.join(BUILD, "module")


def _headers():
    """Where the module was built from; what the compiler was told is relative to it."""
    return _output("bash", "-c", '. "$0" && { [ "${KDIR:-}" ] || kernel_env stock; } && '
                   'echo "$KDIR"', os.path.join(RIG, "env.sh")).strip()


def switcher_object(directory):
    """The path of switch.o with all labels, or of the module where that cannot be made."""
    path = os.path.join(directory, "switch.o")
    try:
        with open(os.path.join(MODULE, "kmod/.switch.o.cmd")) as file:
            words = shlex.split(file.readline().partition(":=")[2].partition(" ; ")[0])
        words[words.index("-o") + 1] = path
        subprocess.run(words + ["-Wa,-L"], cwd=_headers(), check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return path
    except (OSError, ValueError, subprocess.SubprocessError):
        return os.path.join(MODULE, "domus.ko")


def of_switcher(path):
    """Labels by their distance from the start of a cell, and where that is in the file."""
    every = parse(_output("nm", path).split("\n"), "rR")
    start, = every.named("domus_text_start")
    end, = every.named("domus_text_end")
    found, at = [], start
    while at < end:
        at, name, _ = every.at(at)
        found.append((at - start, name, None))
        at = every.end(at)
    return Symbols(found + [(end - start, "domus_text_end", None)]), start


# 3. Places

USER, GUEST, SWITCHER = "guest user", "guest kernel", "switcher"
DOMUS, HOST, PROGRAM = "module", "host kernel", "host user"
CLASSES = (USER, GUEST, SWITCHER, DOMUS, HOST, PROGRAM)
CELL_STRIDE = 0x10000


def in_cell(address, ring):
    """Is it in top-level slot 256, in ring 0?"""
    return ring == 0 and address >> 39 == 0x1ffff00


class Places:
    """Names of all that there is in a host; PROGRAM's are those of one that is measured."""

    def __init__(self, host, guest=None, switcher=None, user=None, program=None):
        none = Symbols()
        self.by_class = {USER: user or none, GUEST: guest or none, SWITCHER: switcher or none,
                         DOMUS: host, HOST: host, PROGRAM: program or none}

    def of(self, address, ring, by_host):
        """(CLASS, NAME, START, OFFSET); BY_HOST: ring 3 was last entered from the host's kernel."""
        if in_cell(address, ring):
            which, address = SWITCHER, address % CELL_STRIDE
        elif ring == 0:
            which = HOST
        elif address >> 63:
            which = GUEST
        else:
            which = PROGRAM if by_host else USER
        found = self.by_class[which].at(address)
        if not found:
            return which, "?", 0, address
        start, name, module = found
        if module == "domus":
            which = DOMUS
        elif module:
            name += " [%s]" % module
        return which, name, start, address - start
