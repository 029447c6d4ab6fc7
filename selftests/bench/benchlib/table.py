# SPDX-License-Identifier: GPL-2.0-only
"""table.py: the rows in their order, and the results of several machines as one table."""
import collections

BASE = "native"     # what ratios are to
BEFORE, NOW = "before", "domus"

# What each row of rows/ops.c is, for people.
ROWS = collections.OrderedDict((
    ("null_syscall", "null system call (getppid)"),
    ("read_zero_1b", "read 1 B of /dev/zero"),
    ("stat", "stat"),
    ("gettimeofday", "gettimeofday"),
    ("pipe_rtt", "pipe round trip"),
    ("anon_fault", "first touch of an anonymous page"),
    ("file_fault", "first touch of a file's page, fault-around on"),
    ("mmap_touch_unmap", "mmap, touch, munmap; tables stay"),
    ("mmap_t_u_newpt", "the same with new page tables"),
    ("mprotect_rorw", "mprotect to RO, to RW, touch"),
    ("fork_exit_wait", "fork, exit, wait"),
    ("fork_exec_wait", "fork, exec, exit, wait"),
    ("sig_install", "sigaction"),
    ("sig_deliver", "signal to itself"),
    ("tcp_rtt", "TCP round trip, loopback"),
    ("per_4ms_slot", "the clock's interrupt, each 4 ms"),
    ("copyloop_1MiB", "copy of 1 MiB in a loop"),
    ("blk_read_4k", "4 KiB from a disk that is memory; native: by brd alone"),
    ("blk_read_128k", "128 KiB of it"),
    ("net_tcp_rtt", "TCP round trip to the host; native: loopback"),
    ("net_tx_1MiB", "TCP, 1 MiB to the host; native: loopback"),
    ("smp_wake", "an interrupt wakes up a halted vCPU"),
    ("smp_flush", "a page leaves the TLBs of 4 vCPUs"),
    ("smp_change", "an entry changes under 4 vCPUs"),
))
# Those of machines of their own.
PARTS = {
    "io": ("blk_read_4k", "blk_read_128k", "net_tcp_rtt", "net_tx_1MiB"),
    "smp": ("smp_wake", "smp_flush", "smp_change"),
}


def part_of(row):
    return next((part for part, rows in PARTS.items() if row in rows), "rows")


# Of the machine as a whole, not of an operation.
BESIDE = collections.OrderedDict((
    ("create", "from its creation to process 1 (a computer: from reset)"),
    ("memory_kb", "host memory beside the guest's 256 MiB, kB"),
))
ABOUT = dict(ROWS, **BESIDE)


class Table:
    """What was measured: runs by peer, in the order of columns."""

    def __init__(self, runs, titles):
        self.runs = runs
        self.titles = titles

    def change(self, name):
        """Of a row, from the run of another commit to that of this one, as a factor."""
        if BEFORE not in self.runs:
            return None
        before, now = self.median(name, BEFORE), self.median(name, NOW)
        return now / before if before and now else None

    def rows(self):
        seen = [name for run in self.runs.values() for name in run.rows]
        return [name for name in ROWS if name in seen]

    def median(self, name, peer):
        row = self.runs[peer].rows.get(name)
        return row[0] if row else None

    def ratio(self, name, peer):
        base = self.median(name, BASE) if BASE in self.runs else None
        mine = self.median(name, peer)
        return mine / base if base and mine is not None else None

    def data(self):
        """All of it, for JSON."""
        rows = collections.OrderedDict()
        for name in self.rows():
            rows[name] = collections.OrderedDict()
            for peer, run in self.runs.items():
                if name not in run.rows:
                    continue
                cell = dict(zip(("median", "min", "max"), run.rows[name]))
                ratio = self.ratio(name, peer)
                if ratio is not None:
                    cell["ratio"] = round(ratio, 4)
                if name in run.counts:
                    cell["passes"], cell["exits"] = (round(n, 3) for n in run.counts[name])
                rows[name][peer] = cell
        return {"rows": rows,
                "create": {peer: run.create for peer, run in self.runs.items() if run.create},
                "memory_kb": {peer: run.memory for peer, run in self.runs.items()
                              if run.memory is not None},
                "facts": {peer: run.facts for peer, run in self.runs.items()}}

    def cells(self):
        """Lines of texts, the first one of headings."""
        counted = [peer for peer, run in self.runs.items() if run.counts]
        yield (["instructions per operation"] + [self.titles[peer] for peer in self.runs] +
               ["switcher passes" if len(counted) == 1 else "passes, " + peer
                for peer in counted] +
               ["full exits" if len(counted) == 1 else "exits, " + peer for peer in counted] +
               (["change"] if BEFORE in self.runs else []))
        for name in self.rows():
            line = [name]
            for peer in self.runs:
                median, ratio = self.median(name, peer), self.ratio(name, peer)
                text = "-" if median is None else "%.0f" % median
                if ratio is not None and peer != BASE:
                    text += " (%.2f)" % ratio
                line.append(text)
            for which in (0, 1):
                for peer in counted:
                    pair = self.runs[peer].counts.get(name)
                    line.append("%.1f" % pair[which] if pair else "-")
            if BEFORE in self.runs:
                change = self.change(name)
                line.append("-" if change is None else "%+.1f %%" % ((change - 1) * 100))
            yield line
        for name, value in (("create", lambda run: run.create and "%.2fe9" % (run.create / 1e9)),
                            ("memory_kb", lambda run: run.memory)):
            texts = [value(run) for run in self.runs.values()]
            if any(text is not None for text in texts):
                yield ([name] + ["-" if text is None else str(text) for text in texts] +
                       [""] * (2 * len(counted) + (BEFORE in self.runs)))

    def text(self):
        lines = list(self.cells())
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        return "\n".join("  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)
