#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# pair.sh [SECONDS]: two Linux domains at once on a loaded host, as KTAP.
#
#   1. the load: on the host, and what each domain repeats and checks
#   2. both work for SECONDS, one's holder is killed, the other works on
#   3. that one is destroyed, the module removed: nothing is left
# shellcheck disable=SC2086,SC2181,SC2317
set -u
seconds=${1:-15}
# What the host may have less of at the end: caches of slabs, per-CPU lists.
SLACK_KB=6144
. /tests/host/common.sh

# ---- 1. Load ------------------------------------------------------------------

# Forks, pipes, files, and a sum that must stay what it is on the host.
sum=$(seq 4000 | md5sum | cut -c 1-32)
work="n=0; while [ \$(seq 4000 | md5sum | cut -c 1-32) = $sum ]; do n=\$((n+1)); \
dd if=/dev/zero of=/tmp/f bs=64k count=32 2> /dev/null; sync; ls -R /bin > /dev/null; \
echo round \$n; done; echo wrong"

host_load() {
	for _ in 1 2; do
		while :; do seq 4000 | md5sum > /dev/null; done &
		loads="$loads $!"
	done
	while :; do dd if=/dev/zero of=$DIR/load bs=64k count=128 2> /dev/null; done &
	loads="$loads $!"
}

create() {
	: > $DIR/$1.log
	domctl create "$1" --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 128M \
		--append "console=hvc0 loglevel=5 norandmaps run=\"$work\"" --log $DIR/$1.log --wait \
		> $DIR/$1.out 2> $DIR/$1.end &
}

rounds() {
	grep -c '^round' $DIR/$1.log
}

reaches() {
	[ "$(rounds "$1")" -ge "$2" ]
}

# goes_on NAME...: each does some more rounds, and has done all of them right
goes_on() {
	for name; do
		within 60 reaches "$name" $(($(rounds "$name") + 3)) &&
			! grep -E '^wrong|BUG: |WARNING: |Oops|Call Trace' $DIR/$name.log && continue
		note "$name: $(tail -n 20 $DIR/$name.log)"
		return 1
	done
}

# Memory that the host itself holds, in KiB: slabs, page tables, vmalloc, stacks.
host_kb() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	awk '/^(SUnreclaim|PageTables|VmallocUsed|KernelStack|Percpu):/ { kb += $2 }
	     END { print kb }' /proc/meminfo
}

reload() {
	rmmod domus && [ ! -e /dev/domus ] && ! grep domus /proc/vmallocinfo && insmod /domus.ko
}

# ---- 2. and 3. ----------------------------------------------------------------

begin
if [ "$(nproc)" -lt 2 ] || [ ! -e /boot/bzImage ]; then
	echo "1..0 # SKIP needs two CPUs and the guest's kernel"
	exit 4
fi
loads=
# Once before, for what is allocated only once.
domctl create before --kernel /tests/guest/puppet --memory 8M --append poweroff --wait \
	2> /dev/null && reload
result "a domain, and the module reloaded"
before=$(host_kb)

create one
one=$!
create two
two=$!
within 120 reaches one 1 && within 120 reaches two 1
result "two domains work"
host_load
begun=$(cut -d . -f 1 /proc/uptime)
until [ $(($(cut -d . -f 1 /proc/uptime) - begun)) -ge "$seconds" ]; do
	goes_on one two || break
done
goes_on one two
result "both still do"
note "$(rounds one) and $(rounds two) rounds in $seconds s"

kill -9 "$(holder_of one)"
wait $one
[ $? -eq 15 ] && soon is_gone one
result "kill -9 of one holder: create --wait says so, the domain is gone"
goes_on two
result "the other does not mind"
domctl destroy two
wait $two
[ $? -eq 14 ] && grep -q '^two: destroyed by user 0$' $DIR/two.end
result "destroy of the other: create --wait says so"
for load in $loads; do
	kill $load
	wait $load 2> /dev/null
done
nothing_left
result "no domain, no process, no reference is left"
reload
result "the module can be removed"
rm -f $DIR/load
after=$(host_kb)
note "$before KiB before, $after KiB after"
[ $((after - before)) -le $SLACK_KB ]
result "the host has its memory back"
finish
