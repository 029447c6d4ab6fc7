#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nmi.sh NMIS MCES: NMIs while a guest does nothing but change worlds (nmi.c), and machine
# checks that can be survived, until there were so many.
#
# The vCPU is kept on CPU 0, which alone gets NMIs of the machine. They come at any time
# ("rig nmi"), and with the CPU stopped in the cell ("rig at"): anywhere in it, where it loads
# a root at hand, where it reads the guest's tables to deliver a fault. Each must have been
# counted by the host before the next one is made, so that none is lost, and in the end the
# host has counted no others. Machine checks come in the cell, and name memory that the
# machine has not.
nmis=${1:-20} mces=${2:-0}
stats=/tmp/nmi.stats
rm -f /tmp/nmi.*

# offset SYMBOL: from the beginning of the cell's text
offset() {
	awk -v name="domus_text_$1" '$3 == name { print $1 }' /proc/kallsyms
}
start=0x$(offset start)
for part in root walk; do
	from=$((0x$(offset $part) - start)) end=$((0x$(offset ${part}_end) - start))
	printf 'cell:%x-%x\n' $from $end
done > /tmp/nmi.parts

# count ROW: of the host's interrupts
count() {
	awk -v row="$1:" '$1 == row { for (i = 2; $i ~ /^[0-9]+$/; i++) sum += $i; print sum }' \
		/proc/interrupts
}
count NMI > /tmp/nmi.before
count MCE > /tmp/nmi.mces.before
export nmis mces

cat > /tmp/nmi.round << 'EOF'
# one KIND COMMAND...: a line in /tmp/nmi.KIND with the place, or in nmi.lost or nmi.missed
one() {
	kind=$1
	shift
	said=$("$@" 2>&1)
	case $said in
	*"have seen"*)	echo "$kind" >> /tmp/nmi.lost ;;
	*"was never"*)	echo "$kind" >> /tmp/nmi.missed ;;
	Error*)		echo "$said" >> /tmp/nmi.failed ;;
	*)		echo "$said" | sed 's/.*\(....\)$/\1/' >> "/tmp/nmi.$kind" ;;
	esac
}

have() {
	cat "$@" 2> /dev/null | wc -l
}

for task in "/proc/$pid/task/"*; do
	taskset -p 1 "${task##*/}"
done > /dev/null 2>&1
one any rig nmi
one cell rig at cell 0 nmi
{ read -r root; read -r walk; } < /tmp/nmi.parts
one root rig at "$root" 0 nmi
one walk rig at "$walk" 0 nmi
[ "$(have /tmp/nmi.mce)" -ge "$mces" ] ||
	one mce rig at cell 0 mce -b 0 1 0xbd000000000000c0 5 0x400000000000 0x8c
grep -A 4 " $name " /sys/kernel/debug/domus/domains |
	sed -n "s/.*aborts [0-9]* nmi /nmi /p" > /tmp/nmi.new
[ -s /tmp/nmi.new ] && mv /tmp/nmi.new /tmp/nmi.stats
# Some in each of its two places; and no end where one is never met.
echo >> /tmp/nmi.rounds
enough() {
	[ "$(have /tmp/nmi.any /tmp/nmi.cell /tmp/nmi.root /tmp/nmi.walk)" -ge "$nmis" ] &&
		[ "$(have /tmp/nmi.mce)" -ge "$mces" ] && [ "$(have /tmp/nmi.root)" -ge 3 ] &&
		[ "$(have /tmp/nmi.walk)" -ge 3 ]
}
if enough || [ "$(have /tmp/nmi.rounds)" -gt $((nmis + mces)) ]; then
	domctl set "$name" --vcpus 2
fi > /dev/null 2>&1
EOF
/tests/guest/beside.sh --meanwhile 'sh /tmp/nmi.round' nmi --max-vcpus 2 --vcpus 1
status=$?

# nmi IN-RING-0 IN-RING-3 mc IN-RING-0 ...
read -r _ ring0 ring3 _ mc0 _ < $stats
echo "# NMIs in the switch: $ring0, in the guest: $ring3; machine checks in the switch: $mc0"
number_of() {
	cat "/tmp/nmi.$1" 2> /dev/null | wc -l
}
for kind in any cell root walk mce; do
	echo "# $kind: $(number_of $kind), at places: $(sort -u /tmp/nmi.$kind 2> /dev/null | tr '\n' ' ')"
done
all=$(($(number_of any) + $(number_of cell) + $(number_of root) + $(number_of walk)))
[ ! -e /tmp/nmi.missed ] || echo "# not met: $(sort /tmp/nmi.missed | uniq -c | tr '\n' ' ')"

fail() {
	echo "$*"
	exit 1
}
[ ! -e /tmp/nmi.failed ] || fail "$(sort -u /tmp/nmi.failed)"
[ ! -e /tmp/nmi.lost ] || fail "lost: $(sort /tmp/nmi.lost | uniq -c)"
counted=$(($(count NMI) - $(cat /tmp/nmi.before)))
[ $counted -eq $all ] || fail "the host has counted $counted NMIs of $all"
counted=$(($(count MCE) - $(cat /tmp/nmi.mces.before)))
# all CPUs are told of each
[ $counted -eq $(($(number_of mce) * $(nproc))) ] || fail "the host has counted $counted machine checks"
for kind in root walk; do
	[ "$(number_of $kind)" -ge 3 ] || fail "too few: $kind"
done
[ "${ring0:-0}" -ge 3 ] || fail "too few in the switch: $ring0"
[ $all -ge "$nmis" ] || fail "too few NMIs: $all"
[ "$(number_of mce)" -ge "$mces" ] || fail "too few machine checks"
exit $status
