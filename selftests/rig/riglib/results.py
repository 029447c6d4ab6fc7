# SPDX-License-Identifier: GPL-2.0-only
"""Reads KTAP: what passed and failed in it, and what it lacks to be whole."""
import re

HEADER = re.compile(r"K?TAP version \d+$")
PLAN = re.compile(r"1\.\.(\d+)(?:\s*#\s*(SKIP.*))?$", re.IGNORECASE)
RESULT = re.compile(r"(not )?ok\s+(\d+)?\s*(?:-\s+)?([^#]*?)\s*(?:#\s*(.*))?$")
BAIL = re.compile(r"Bail out!\s*(.*)")
RERUN = "rerun:"
NOTES = 60          # diagnostics kept for each failure


class Group:
    """One level of nesting while it is read."""

    def __init__(self, indent, first_failure):
        self.indent = indent
        self.first_failure = first_failure  # index of those in this group
        self.plan = None
        self.skipped = False
        self.results = 0
        self.failed = 0
        self.notes = []

    def problem(self):
        """Why the group is not whole, or nothing."""
        if self.plan is None:
            return "no plan"
        if not self.plan and not self.skipped:
            return "no tests"
        if self.results != self.plan:
            return "crash: %d results of %d" % (self.results, self.plan)
        return None


class Tier:
    """Reads one stream, line by line, and keeps the score."""

    def __init__(self, name, command):
        self.name = name
        self.command = command
        self.passed = self.skipped = 0
        self.failures = []          # (name, notes)
        self._stack = []
        self._closed = None         # the nested group that has just ended

    def _fail(self, what, notes):
        self.failures.append((what, notes[-NOTES:]))

    def _close(self, indent):
        """Ends the groups that are nested deeper than INDENT."""
        while self._stack and self._stack[-1].indent > indent:
            group = self._stack.pop()
            problem = group.problem()
            if problem:
                group.failed += 1
                where = "%s: %s" % (self.name, problem)
                self._fail(where, group.notes)
            self._closed = group

    def _result(self, group, match):
        negative, number, name, directive = match.groups()
        nested, self._closed = self._closed, None
        group.results += 1
        notes, group.notes = group.notes, []
        directive = directive or ""
        if number and int(number) != group.results:
            self._fail("%s: result %s where %d was due" % (name, number, group.results), notes)
            group.failed += 1
        elif negative:
            group.failed += 1
            # The leaf that failed has been told of already.
            if not nested or not nested.failed:
                self._fail("%s: %s" % (self.name, name or number), notes)
            else:
                self.failures[-1][1].extend(notes[-NOTES:])
                for _, others in self.failures[nested.first_failure:-1]:
                    others.extend(note for note in notes if note.startswith(RERUN))
        elif directive.upper().startswith("SKIP"):
            self.skipped += 1
        elif not nested:
            self.passed += 1
        elif nested.failed:
            group.failed += 1

    def line(self, text):
        stripped = text.lstrip(" ")
        indent = len(text) - len(stripped)
        stripped = stripped.rstrip()
        if HEADER.match(stripped):
            self._close(indent - 1)
            self._stack.append(Group(indent, len(self.failures)))
            return
        if not self._stack:
            return
        if stripped.startswith("#"):
            self._stack[-1].notes.append(stripped.lstrip("# "))
            return
        match = PLAN.match(stripped)
        if match:
            self._close(indent)
            group = self._stack[-1]
            group.plan = int(match.group(1))
            if match.group(2) and not group.plan:
                group.skipped = True
                self.skipped += 1
            return
        match = BAIL.match(stripped)
        if match:
            self._fail("%s: bailed out: %s" % (self.name, match.group(1)), self._stack[-1].notes)
            self._stack[-1].failed += 1
            return
        match = RESULT.match(stripped)
        if match:
            self._close(indent)
            if self._stack:
                self._result(self._stack[-1], match)

    def end(self, status):
        if not self._stack:
            self._fail("%s: crash: no results at all" % self.name, [])
        self._close(-1)
        if status and not self.failures:
            self._fail("%s: ended with status %d though nothing failed" % (self.name, status), [])
