# SPDX-License-Identifier: GPL-2.0-only
"""machine.py: one QEMU, from its start to a verdict.

  1. Trouble: what on a console means that the host is broken
  2. Channels: console, results, requests and QMP, each a UNIX socket to which
     QEMU connects
  3. Machine: starts QEMU, moves bytes, watches the clocks, judges

The machine ends in one of three ways: the command ended (its status counts),
the host broke (panic, oops, WARN, lockdep, KASAN, ...), or time ran out
(silence, or the whole run took too long).  Only the first can be a success,
and only if nothing of the second showed until the power was off.
"""
import ctypes
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import tty

from .places import RigError

# 1. Trouble.  User programs may fault as they like, and their faults are logged
# too, hence the care with "general protection".

TROUBLE = re.compile(rb"""
    Kernel\ panic | \bOops: | \[\#\d+\]\ (?:PREEMPT|SMP|KASAN|NOPTI|PTI)
  | kernel\ BUG\ at | \bBUG:\ | \bWARNING:\ CPU:
  | WARNING:\ (?:possible|suspicious|inconsistent|bad\ unlock|lock\ held|held\ lock|nested|kernel\ stack|stack\ recursion|SOFTIRQ|HARDIRQ)
  | INFO:\ (?:possible|trying\ to\ register\ non-static|task\ \S+\ blocked|rcu)
  | rcu:\ INFO: | rcu_\w+\ (?:self-)?detected\ (?:stall|expedited)
  | general\ protection\ fault,\ (?:probably|maybe|kernel) | stack\ segment:\ | double\ fault:
  | unregister_netdevice:\ waiting | Bad\ page\ state | Bad\ rss-counter
  | UBSAN: | KCSAN: | ODEBUG: | DEBUG_LOCKS_WARN_ON | kmemleak:\ \d+\ new
  | unchecked\ MSR\ access | Call\ Trace:
""", re.VERBOSE)

# Taint bits that a run may not set: machine check is the caller's to allow.
TAINT = {4: "machine check", 5: "bad page", 7: "oops", 9: "warning", 14: "soft lockup"}
GRACE = 3.0             # seconds for the rest of a report to arrive
LEAK_GRACE = 60.0       # init prints that of kmemleak, on a kernel that is slow
POWER_OFF = 30.0        # seconds from the command's end to the machine's
ESCAPE = 0x18           # ^X after ^A: ends an interactive run

# Where a CPU is, for "rig at": nothing but a domain's kernel is in ring 3 and the upper
# half, and nothing but a cell in ring 0 and top-level slot 256 (of 4 or 5 levels).
PLACES = {
    "guest": lambda rip, cpl: cpl == 3 and rip >> 63,
    "cell": lambda rip, cpl: cpl == 0 and (rip >> 39 == 0x1ffff00 or rip >> 48 == 0xff00),
}
CELL_STRIDE = 0x10000   # kmod/switch.h: cells begin at multiples of it, with their text
AT_TRIES = 5000


def place_of(text):
    """What a place's name means, "cell:FROM-TO" among them (offsets in the text), or None."""
    match = re.fullmatch(r"cell:([0-9a-f]+)-([0-9a-f]+)", text)
    if not match:
        return PLACES.get(text)
    first, end = (int(part, 16) for part in match.groups())
    return lambda rip, cpl: PLACES["cell"](rip, cpl) and first <= rip % CELL_STRIDE < end


class Verdict:
    """How a run ended: the command's status, or why there is none."""

    def __init__(self):
        self.status = None
        self.trouble = None
        self.taint = 0
        self.leaks = 0
        self.booted = None

    def blame(self, why):
        """The first reason is kept: later ones tend to follow from it."""
        if self.trouble is None:
            self.trouble = why


# 2. Channels

class Channel:
    """A listening socket that QEMU connects one of its ports to."""

    def __init__(self, directory, name):
        self.name = name
        self.path = os.path.join(directory, name + ".sock")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(1)
        self.socket = None
        self.buffer = b""

    def accept(self, process):
        self._listener.settimeout(0.2)
        for _ in range(100):
            try:
                self.socket, _ = self._listener.accept()
                self._listener.close()
                return
            except socket.timeout:
                if process.poll() is not None:
                    raise RigError("QEMU did not start (status %d)" % process.returncode)
        raise RigError("QEMU did not start: no connection from its %s" % self.name)

    def fileno(self):
        return self.socket.fileno()

    def receive(self):
        try:
            return self.socket.recv(65536)
        except ConnectionError:
            return b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass


class Monitor(Channel):
    """QMP.  Synchronous: one request, its answer; events are dropped."""

    def start(self):
        self._answer("QMP")
        self.execute("qmp_capabilities")

    def _answer(self, *keys):
        while True:
            while b"\n" not in self.buffer:
                data = self.receive()
                if not data:
                    raise RigError("QEMU closed its monitor")
                self.buffer += data
            line, _, self.buffer = self.buffer.partition(b"\n")
            message = json.loads(line)
            for key in keys:
                if key in message:
                    return key, message[key]

    def execute(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        self.send(json.dumps(request).encode() + b"\n")
        key, value = self._answer("return", "error")
        if key == "error":
            raise RigError(value.get("desc", "refused"))
        return value

    def hmp(self, line):
        """A line for the human monitor.  It reports errors as text."""
        return self.execute("human-monitor-command", **{"command-line": line}).strip()


def die_with_parent():
    """A killed rig leaves no QEMU behind (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


# 3. Machine

class Machine:
    """One run.  OPTIONS is the vm command's; see there."""

    EMULATOR = "QEMU"

    def __init__(self, options, directory):
        self.options = options
        self.directory = directory
        self.verdict = Verdict()
        self.console = Channel(directory, "console")
        self.results = Channel(directory, "results")
        self.requests = Channel(directory, "requests")
        self.monitor = Monitor(directory, "qmp")
        self.process = None
        self._frames = b""
        self._line = b""
        self._deadline = None       # of a grace period, once one runs
        self._allow = [re.compile(text.encode()) for text in options.allow]
        self._log = None

    def command(self, kernel, initrd, append):
        o = self.options
        accelerator = "tcg" if o.icount else "tcg,thread=" + o.threads
        words = ["qemu-system-x86_64", "-accel", accelerator, "-M", o.machine, "-cpu", o.cpu,
                 "-smp", str(o.smp), "-m", o.mem, "-no-user-config", "-nodefaults",
                 "-no-reboot", "-display", "none", "-vga", "none",
                 "-kernel", kernel, "-initrd", initrd, "-append", append]
        # The third port gets a line of its own: Linux does not share them well.
        for index, channel in enumerate((self.console, self.results, self.requests)):
            words += ["-chardev", "socket,id=%s,path=%s" % (channel.name, channel.path)]
            words += ["-device", "isa-serial,chardev=%s,index=%d%s" %
                      (channel.name, index, ",irq=5" if index == 2 else "")]
        words += ["-chardev", "socket,id=qmp,path=" + self.monitor.path,
                  "-mon", "chardev=qmp,mode=control"]
        if o.icount:
            words += ["-icount", "shift=0,sleep=off"]
        if o.monitor:
            words += ["-monitor", "unix:%s,server=on,wait=off" % o.monitor]
        if o.gdb:
            words += ["-gdb", "tcp:127.0.0.1:%d" % o.gdb] + (["-S"] if o.gdb_wait else [])
        if o.trace_int:
            words += ["-d", "int,cpu_reset", "-D", o.trace_int]
        return words + o.qemu

    def run(self, words, log_path):
        """Runs to the end and returns the verdict.  QEMU is gone afterwards."""
        with open(log_path, "wb") as self._log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL,
                                            preexec_fn=die_with_parent)
            terminal = None
            try:
                for channel in (self.console, self.results, self.requests, self.monitor):
                    channel.accept(self.process)
                self.monitor.start()
                if self.options.interactive:
                    terminal = termios.tcgetattr(0)
                    tty.setraw(0)
                self._loop()
                if self.verdict.trouble and self.process.poll() is None:
                    self._say_places()
            finally:
                if terminal:
                    termios.tcsetattr(0, termios.TCSADRAIN, terminal)
                if self.process.poll() is None:
                    self.process.kill()
                self.process.wait()
        return self._judge()

    def _say_places(self):
        """Where the CPUs of a machine in trouble are, three times, for the end of its log."""
        self.monitor.socket.settimeout(5)
        try:
            for _ in range(3):
                state = self.monitor.hmp("info registers -a").split("CPU#")[1:]
                for number, cpu in enumerate(state):
                    found = re.findall(r"\b(?:RIP|RSP|RFL|CPL|HLT|CR2|CR3)=\w+", cpu)
                    self._log.write(b"rig: CPU %d: %s\n" % (number, " ".join(found).encode()))
        except (OSError, RigError) as error:
            self._log.write(b"rig: the monitor: %s\n" % str(error).encode())

    def _loop(self):
        start = heard = time.monotonic()
        open_channels = [self.console, self.results, self.requests, self.monitor]
        escape = False
        while open_channels:
            now = time.monotonic()
            if self._deadline and now > self._deadline:
                if self.verdict.status is not None:
                    self.verdict.blame("no power off within %d s of the command's end" % POWER_OFF)
                return
            if not self._deadline and now - start > self.options.timeout:
                self.verdict.blame("not done after %d s (--timeout)" % self.options.timeout)
                return
            if not self.options.interactive and now - heard > self.options.silence:
                self.verdict.blame("silent for %d s (--silence)" % self.options.silence)
                return
            wanted = open_channels + ([sys.stdin] if self.options.interactive else [])
            ready = select.select(wanted, [], [], 0.5)[0]
            for channel in ready:
                if channel is sys.stdin:
                    data = os.read(0, 1024)
                    if escape and data[:1] in (b"x", bytes([ESCAPE])):
                        self.verdict.status = 0
                        return
                    escape = data == b"\x01"
                    self.console.send(data)
                    continue
                data = channel.receive()
                if not data:
                    open_channels.remove(channel)
                    continue
                if channel in (self.console, self.results):
                    heard = time.monotonic()
                if not self._handle(channel, data, start):
                    return

    def _handle(self, channel, data, start):
        """Returns false when there is nothing more to be expected."""
        if channel is self.console:
            self._on_console(data)
        elif channel is self.requests:
            self._on_request(data)
        elif channel is self.results:
            return self._on_results(data, start)
        return True

    def _grace(self, seconds):
        self._deadline = min(self._deadline or 1e18, time.monotonic() + seconds)

    def _on_console(self, data):
        self._log.write(data)
        self._log.flush()
        if self.options.interactive:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        if self.options.verbose:
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()
        lines = (self._line + data).split(b"\n")
        self._line = lines.pop()[-4096:]
        for line in lines:
            if TROUBLE.search(line) and not any(ok.search(line) for ok in self._allow):
                self.verdict.blame("the host's console: " +
                                   line.decode(errors="replace").strip())
                self._grace(LEAK_GRACE if b"kmemleak" in line else GRACE)

    def _on_results(self, data, start):
        self._frames += data
        while len(self._frames) >= 3:
            kind, length = self._frames[:1], struct.unpack_from("<H", self._frames, 1)[0]
            if len(self._frames) < 3 + length:
                break
            payload, self._frames = self._frames[3:3 + length], self._frames[3 + length:]
            if kind == b"H":
                self.verdict.booted = time.monotonic() - start
            elif kind in (b"O", b"E"):
                stream = (sys.stdout if kind == b"O" else sys.stderr).buffer
                stream.write(payload)
                stream.flush()
            elif kind == b"F":
                self.verdict.blame("inside: " + payload.decode(errors="replace"))
            elif kind == b"X":
                status, taint, leaks = payload.split()
                self.verdict.status, self.verdict.taint = int(status), int(taint)
                self.verdict.leaks = int(leaks)
                self._grace(POWER_OFF)
            else:
                self.verdict.blame("garbage on the result channel: %r" % (kind + payload)[:40])
                return False
        return True

    def _on_request(self, data):
        self.requests.buffer += data
        while b"\n" in self.requests.buffer:
            line, _, self.requests.buffer = self.requests.buffer.partition(b"\n")
            words = line.decode(errors="replace").strip().lstrip("@").split()
            try:
                answer = self._inject(words)
                self.requests.send(("ok " + " ".join(answer.split())).strip().encode() + b"\n")
            except RigError as error:
                self.requests.send(b"error: %s\n" % str(error).encode())

    def _inject(self, words):
        """The requests of "rig" inside: nmi, mce, cut, or a line for the monitor."""
        if words == ["cut"]:
            # As if the power went: what QEMU has not been given is lost.
            self.process.kill()
            self.verdict.status = 0
            return ""
        if words == ["nmi"]:
            self.monitor.execute("inject-nmi")
            return ""
        if words[:1] == ["mce"] and len(words) in (7, 8):
            answer = self.monitor.hmp(" ".join(words))
            # The monitor is silent when it obeys, chatty when a CPU was busy.
            return answer
        if words[:1] == ["hmp"] and len(words) > 1:
            return self.monitor.hmp(" ".join(words[1:]))
        if words[:1] == ["at"] and len(words) > 3 and place_of(words[1]) and words[2].isdigit():
            return self._inject_at(words[1], words[2], words[3:])
        raise RigError("what is '%s'?" % " ".join(words))

    def _inject_at(self, place, cpu, words):
        """Stops the machine again and again until that CPU is there, then injects.

        Says where it was.
        """
        is_there = place_of(place)
        for _ in range(AT_TRIES):
            self.monitor.execute("stop")
            try:
                state = self.monitor.hmp("info registers -a")
                state = state.partition("CPU#" + cpu)[2].partition("CPU#")[0]
                rip = re.search(r"\bRIP=(\w+)", state)
                cpl = re.search(r"\bCPL=(\d)", state)
                if rip and cpl and is_there(int(rip.group(1), 16), int(cpl.group(1))):
                    return "%s at %s" % (self._inject(words), rip.group(1))
            finally:
                self.monitor.execute("cont")
        raise RigError("CPU %s was never in the %s" % (cpu, place))

    def _judge(self):
        verdict = self.verdict
        tail = self._line
        if TROUBLE.search(tail) and not self.options.interactive and \
           not any(ok.search(tail) for ok in self._allow):
            verdict.blame("the host's console: " + tail.decode(errors="replace").strip())
        for bit, name in TAINT.items():
            if verdict.taint >> bit & 1 and not any(ok.search(name.encode()) for ok in self._allow):
                verdict.blame("the host is tainted by: " + name)
        if verdict.leaks:
            verdict.blame("kmemleak: %d unreferenced objects" % verdict.leaks)
        if verdict.status is None:
            verdict.blame("%s ended (status %s) before the command did" %
                          (self.EMULATOR, self.process.returncode))
        return verdict
