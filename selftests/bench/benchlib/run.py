# SPDX-License-Identifier: GPL-2.0-only
"""run.py: what one machine said: lines that begin with "bench: ".

Those of rows/rows.c, and of the scripts of inside/:

    created TICKS           the clock before the guest is made
    offset TICKS            what the guest's clock has less than the host's
    count NAME OPERATIONS PASSES EXITS PASSES EXITS
                            counters before and behind a batch
    memory KB GUEST         what the host has less than before, of which the guest's own is GUEST
    kept KB                 of it what is no one's but the guest's

All figures of this package are instructions, but for memory, which is in kB.
"""
import re

LINE = re.compile(r"^bench: (\w+)(?: (.*))?$")


class Run:
    """The results of one machine."""

    def __init__(self):
        self.rows = {}          # name: (median, min, max)
        self.counts = {}        # name: (passes, exits) of an operation
        self.facts = {}
        self.batches = []       # (operations, ticks) of each that was profiled
        self.errors = []
        self.create = None      # from its creation to process 1; of a computer: from reset
        self.memory = None      # kB beside the guest's own
        self.done = False
        self._created = self._start = self._offset = 0
        self._raw = {}

    def line(self, text):
        match = LINE.match(text.strip())
        if not match:
            return
        words = (match.group(2) or "").split()
        handle = getattr(self, "_on_" + match.group(1), None)
        if handle:
            handle(*words)

    def _on_row(self, name, *figures):
        self.rows[name] = tuple(float(figure) for figure in figures)

    def _on_batch(self, operations, took):
        self.batches.append((float(operations), int(took)))

    def _on_fact(self, name, *words):
        self.facts[name] = " ".join(words)

    def _on_error(self, *words):
        self.errors.append(" ".join(words))

    def _on_created(self, ticks):
        self._created = int(ticks)

    def _on_start(self, ticks):
        self._start = int(ticks)

    def _on_offset(self, ticks):
        self._offset = int(ticks)

    def _on_memory(self, less, guest):
        self.memory = int(less) - int(guest)

    def _on_count(self, name, operations, *counters):
        passes, exits, more_passes, more_exits = (int(word) for word in counters)
        self._raw[name] = (float(operations), more_passes - passes, more_exits - exits)

    def _on_done(self):
        self.done = True

    def finish(self):
        """When there are no more lines."""
        self.create = self._start + self._offset - self._created if self._start else None
        _, passes, exits = self._raw.pop("empty", (0, 0, 0))
        for name, (operations, more_passes, more_exits) in self._raw.items():
            # what the question itself counts differs a little from time to time
            self.counts[name] = (max(0.0, (more_passes - passes) / operations),
                                 max(0.0, (more_exits - exits) / operations))

    def add(self, other):
        """Rows of another machine of the same peer."""
        self.rows.update(other.rows)
        self.counts.update(other.counts)

    def trouble(self):
        """Why its figures are not whole, or None."""
        if self.errors:
            return self.errors[0]
        return None if self.done else "it did not come to its end"
