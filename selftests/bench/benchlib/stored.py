# SPDX-License-Identifier: GPL-2.0-only
"""stored.py: the ratios that were reached, and whether a run reaches them, as KTAP.

Native figures change with Debian's kernel and compiler; those of a domain to them do so
much less.
"""
import json
import os

from riglib.places import RigError

from . import table

PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "stored.json")
PEER = "domus"
LIMIT = 1.03        # more than that is worse


def write(result, path=PATH):
    """Rows that were not measured stay as they are."""
    ratios = read(path) if os.path.exists(path) else {}
    for name in result.rows():
        ratio = result.ratio(name, PEER)
        if ratio is not None:
            ratios[name] = round(ratio, 4)
    with open(path, "w") as file:
        json.dump({name: ratios[name] for name in table.ROWS if name in ratios}, file, indent=1)
        file.write("\n")


def read(path=PATH):
    try:
        with open(path) as file:
            return json.load(file)
    except FileNotFoundError as error:
        raise RigError("there are no stored ratios: bench --store") from error


def check(result, path=PATH):
    """Prints a result for each row; returns whether none is worse."""
    ratios = read(path)
    names = result.rows()
    print("KTAP version 1\n1..%d" % len(names))
    good = True
    for number, name in enumerate(names, 1):
        ratio, stored = result.ratio(name, PEER), ratios.get(name)
        known = ratio is not None and stored is not None
        fine = known and ratio <= stored * LIMIT
        good &= fine
        if not fine:
            print("# rerun: selftests/bench/bench --short --row %s" % name)
        elif ratio < stored / LIMIT:
            print("# better than stored: selftests/bench/bench --short --store")
        print("%s %d - %s: %.0f instructions, %s of native, stored %s" % (
            "ok" if fine else "not ok", number, name, result.median(name, PEER),
            "%.3f" % ratio if ratio is not None else "nothing",
            "%.3f" % stored if stored is not None else "nothing"), flush=True)
    return good
