# SPDX-License-Identifier: GPL-2.0-only
"""report.py: a table as JSON, as a plot, as a page.

  1. JSON
  2. the plot: a group of bars for each row, of ratios, on a logarithmic scale
  3. the page
"""
import json
import math
import os
from xml.sax.saxutils import escape

from . import table

# 1. JSON


def write_json(result, versions, path):
    with open(path, "w") as file:
        json.dump(dict(result.data(), versions=versions), file, indent=1)
        file.write("\n")


# 2. The plot

COLOURS = {"own": "#9aa5b1", "domus": "#c2410c", "domus-pti": "#fb923c", "xen": "#1d4ed8", "kvm": "#15803d",
           "kvm-shadow": "#84cc16", "uml": "#7e22ce"}
BAR, GAP, LEFT, WIDTH, TOP = 9, 10, 150, 620, 50


def _text(x, y, text, more=""):
    return '<text x="%.1f" y="%.1f" %s>%s</text>' % (x, y, more, escape(text))


def _scale(top):
    """From ratio 0.9 to TOP, in pixels."""
    low, high = math.log10(0.9), math.log10(top * 1.1)
    return lambda ratio: (math.log10(max(ratio, 0.9)) - low) / (high - low) * WIDTH


def _grid(top, place, bottom):
    ratio, steps = 1, (2, 2.5, 2)
    turn = 0
    while ratio <= top * 1.1:
        x = LEFT + place(ratio)
        yield '<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>' % (x, TOP - 6, x, bottom)
        yield _text(x, TOP - 10, "%g" % ratio, 'text-anchor="middle" fill="#666"')
        ratio *= steps[turn % 3]
        turn += 1


def svg(result):
    names = [peer for peer in result.runs if peer != table.BASE]
    rows = [name for name in result.rows()
            if any(result.ratio(name, peer) for peer in names)]
    top = max((result.ratio(name, peer) or 1 for name in rows for peer in names), default=1)
    place = _scale(max(top, 2))
    group = BAR * len(names) + GAP
    bottom = TOP + group * len(rows)
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
             'font-family="sans-serif" font-size="11">' % (LEFT + WIDTH + 60, bottom + 10),
             '<rect width="100%" height="100%" fill="white"/>']
    for index, peer in enumerate(names):
        x = LEFT + index * 125
        parts += ['<rect x="%d" y="8" width="10" height="10" fill="%s"/>' % (x, COLOURS[peer]),
                  _text(x + 14, 17, result.titles[peer])]
    parts += [_text(8, 17, "instructions, ratio"), _text(8, 31, "to native (log scale)")]
    parts += _grid(max(top, 2), place, bottom)
    for number, name in enumerate(rows):
        y = TOP + number * group
        parts.append(_text(LEFT - 6, y + group / 2, name, 'text-anchor="end"'))
        for index, peer in enumerate(names):
            ratio = result.ratio(name, peer)
            if ratio is None:
                continue
            at = y + index * BAR
            parts += ['<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
                LEFT, at, max(1, place(ratio)), BAR - 1, COLOURS[peer]),
                      _text(LEFT + place(ratio) + 3, at + BAR - 2, "%.2f" % ratio,
                            'font-size="8" fill="#444"')]
    return "\n".join(parts + ["</svg>"]) + "\n"


def write_svg(result, path):
    with open(path, "w") as file:
        file.write(svg(result))


# 3. The page

HEAD = """\
# What operations cost

Made by `make bench`: each column is a machine of its own, booted from Debian's packages, in
which process 1 is the same program (`rows/rows.c`). Figures are instructions, medians of 9
batches, and in parentheses their ratio to the native figure. A switcher pass is an entry to a
domain's kernel or program without the host's kernel, a full exit is one with it.

What the count hides: SYSCALL, a load of CR3, an exit of a virtual machine is one
instruction or none of the emulator's, and translations of addresses are free. KVM with NPT
is dearer on real processors than here, and so is every change of rings: compare passes and
exits, too.
"""


def _lines(cells):
    cells = list(cells)
    yield "| " + " | ".join(cells[0]) + " |"
    yield "|---|" + "---:|" * (len(cells[0]) - 1)
    for line in cells[1:]:
        yield "| " + " | ".join([table.ABOUT.get(line[0], line[0])] + line[1:]) + " |"


def page(result, versions, picture=None):
    parts = [HEAD]
    parts += ["| | |", "|---|---|"]
    parts += ["| %s | %s |" % item for item in versions.items()]
    parts += [""] + list(_lines(result.cells())) + [""]
    if picture:
        parts += ["![ratios to native](%s)" % picture, ""]
    return "\n".join(parts).rstrip() + "\n"


def write_page(result, versions, path, picture=None):
    if picture:
        picture = os.path.relpath(picture, os.path.dirname(os.path.abspath(path)))
    with open(path, "w") as file:
        file.write(page(result, versions, picture))
