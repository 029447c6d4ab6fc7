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
PEERS = ("domus", "domus-pti")
LIMIT = 1.03        # more than that is worse


def write(result, path=PATH):
    """Rows that were not measured stay as they are."""
    ratios = read(path) if os.path.exists(path) else {}
    for peer in PEERS:
        of_peer = ratios.setdefault(peer, {})
        for name in result.rows():
            ratio = result.ratio(name, peer) if peer in result.runs else None
            if ratio is not None:
                of_peer[name] = round(ratio, 4)
        ratios[peer] = {name: of_peer[name] for name in table.ROWS if name in of_peer}
    with open(path, "w") as file:
        json.dump(ratios, file, indent=1)
        file.write("\n")


def read(path=PATH):
    try:
        with open(path) as file:
            return json.load(file)
    except FileNotFoundError as error:
        raise RigError("there are no stored ratios: bench --store") from error


def _one(number, name, peer, result, stored):
    ratio = result.ratio(name, peer)
    known = ratio is not None and stored is not None
    fine = known and ratio <= stored * LIMIT
    if not fine:
        print("# rerun: selftests/bench/bench --short --row %s" % name)
    elif ratio < stored / LIMIT:
        print("# better than stored: selftests/bench/bench --short --store")
    print("%s %d - %s, %s: %s instructions, %s of native, stored %s" % (
        "ok" if fine else "not ok", number, peer, name,
        "no" if ratio is None else "%.0f" % result.median(name, peer),
        "nothing" if ratio is None else "%.3f" % ratio,
        "nothing" if stored is None else "%.3f" % stored), flush=True)
    return fine


def check(result, path=PATH):
    """Prints a result for each row of each peer; returns whether none is worse."""
    ratios = read(path)
    todo = [(name, peer) for peer in PEERS for name in result.rows()]
    print("KTAP version 1\n1..%d" % len(todo))
    return all([_one(number, name, peer, result, ratios.get(peer, {}).get(name))
                for number, (name, peer) in enumerate(todo, 1)])
