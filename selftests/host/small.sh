#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# small.sh: entropy and balloon of a Linux domain, as KTAP: what the host gets back, what
# the guest says, limits, refusals; and a guest that lies.
#
#   1. refusals
#   2. entropy
#   3. the balloon
#   4. free pages, reported
#   5. guests that break the rules
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
PTY=/tests/host/pty
PUPPET="--kernel /tests/guest/puppet --memory 8M --append idle"

# shellcheck disable=SC2034  # for guest() of common.sh
GUEST=g

# counter NAME: of domain g
counter() {
	domctl show g | sed -n "s/^  $1: //p"
}

# pages of the holder that are there, in KiB
resident() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$(holder_of g)/status"
}

has() {
	[ "$(domctl balloon g -j | $JSON actual)" = "$1" ]
}

below() {
	[ "$(resident)" -lt "$1" ]
}

# ---- 1. Refusals ----------------------------------------------------------------

fails() {
	status=$1 line=$2
	shift 2
	refuse $status "$line" domctl create new $PUPPET "$@"
}

refusals() {
	fails 1 "Error: rng: 'fast' is neither none, rate=BYTES nor burst=MS" --rng fast
	fails 1 "Error: rate: '1X' is not a size (as 512M or 2G)" --rng rate=1X
	fails 1 "Error: burst: 60001 is not in 0 to 60000" --rng rate=1M,burst=60001
	fails 1 "Error: balloon: 'big' is neither none, plain nor reporting" --balloon big
	refuse 1 "Error: size: '1X' is not a size (as 512M or 2G)" domctl balloon a 1X
	refuse 1 "Error: size: 512K is not in 1M to 4T" domctl balloon a 512K
	refuse 1 "Error: size: 1048577 is no multiple of 4K" domctl balloon a 1048577
	refuse 1 "Error: NAME: is missing (see domctl balloon help)" domctl balloon
	refuse 3 "Error: domain none: no such domain" domctl balloon none
	domctl create bare $PUPPET --rng none --balloon none > /dev/null &&
		domctl -j show bare | grep -q '"devices":\[\]'
	result "none of them, if it is said so"
	expect 2 "Error: bare: the domain has no balloon" domctl balloon bare 4M
	result "nothing to inflate"
	domctl destroy bare
	domctl create plain $PUPPET > /dev/null && domctl show plain | grep -q '^Entropy: rng0$' &&
		domctl show plain | grep -q '^Balloon: balloon0$'
	result "both, if nothing is said"
	expect 2 "Error: size: 9M is more than the domain may have (8M)" domctl balloon plain 9M
	result "more than there is"
	expect 0 "" domctl balloon plain 4M &&
		[ "$(cat $DIR/out)" = "plain: target 4M, has 8M" ]
	result "a guest without a driver keeps what it has"
	expect 3 "Error: disk rng0: is an entropy device" domctl disk detach plain rng0
	result "they are no disks"
	[ "$(domctl -j disk list plain)" = "[]" ]
	result "and not listed as such"
	domctl destroy plain && nothing_left
	result "nothing is left"
}

# ---- 2. Entropy -------------------------------------------------------------------

entropy() {
	domctl create g --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 256M \
		--rng rate=64K,burst=10 --balloon $1 --log $DIR/log \
		--append "console=hvc0 loglevel=5 norandmaps" > /dev/null
	within 60 grep -q 'domus guest ready' $DIR/log
	result "a domain with a balloon ($1)"
}

random() {
	guest 'grep virtio_rng /sys/class/misc/hw_random/rng_current'
	result "the guest has it as its source"
	guest 'dd if=/dev/hwrng of=/tmp/a bs=4096 count=4 && dd if=/dev/hwrng of=/tmp/b bs=4096 count=4 && ! cmp -s /tmp/a /tmp/b'
	result "it reads some, and others"
	guest '[ $(gzip -c /tmp/a | wc -c) -ge $(wc -c < /tmp/a) ]'
	result "that cannot be compressed"
	before=$(counter bytes)
	start=$(cut -d. -f1 /proc/uptime)
	guest 'dd if=/dev/hwrng of=/dev/null bs=4096 count=48'
	took=$(($(cut -d. -f1 /proc/uptime) - start))
	after=$(counter bytes)
	note "$((after - before)) bytes in $took seconds"
	[ $((after - before)) -ge 196608 ] && [ $took -ge 2 ]
	result "no faster than it may: 192 KiB at 64 KiB a second take 2 seconds at least"
}

# ---- 3. The balloon -----------------------------------------------------------------

balloon() {
	guest 'dd if=/dev/zero of=/tmp/f bs=1M count=100 && rm /tmp/f'
	before=$(resident)
	note "resident: $before KiB"
	[ $before -gt 102400 ]
	result "a guest that has used 100 MiB: the host has them in use"
	domctl balloon g 96M > /dev/null && within 30 has 100663296
	result "inflate: the guest gives what it is asked for"
	within 10 below $((before - 71680))
	result "the host has more than 70 MiB of it back"
	note "resident: $(resident) KiB; target $(counter Target), inflated" \
	     "$(counter inflated-bytes), free $(counter free-memory)"
	[ "$(counter Target)" = 96M ] && [ "$(counter inflated-bytes)" -ge 167772160 ] &&
		[ "$(counter free-memory)" -lt 90000000 ]
	result "show: target, what was given, what the guest says"
	first=$(counter statistics)
	[ "$(counter statistics)" -gt "$first" ]
	result "statistics are fresh each time"
	guest 'dd if=/dev/zero of=/tmp/f bs=1M count=20 && md5sum /tmp/f'
	result "the guest goes on with less"
	domctl balloon g 256M > /dev/null && within 30 has 268435456
	result "deflate"
	guest 'dd if=/dev/urandom of=/tmp/f bs=1M count=90 && md5sum /tmp/f > /tmp/s && sync && md5sum -c /tmp/s && rm /tmp/f'
	result "and uses what it has got back"
	domctl balloon g 128M > /dev/null && within 30 has 134217728
	result "inflate again"
	$PTY raw '?# ' '=reboot -f\r' '?domus guest ready' '?# ' '=\035' end -- domctl console g \
		> /dev/null && within 30 has 134217728
	result "after a reboot the target is as before"
	domctl destroy g && nothing_left
	result "nothing is left"
}

# ---- 4. Reporting ----------------------------------------------------------------------

reporting() {
	guest 'dd if=/dev/zero of=/tmp/f bs=1M count=100'
	full=$(resident)
	guest 'rm /tmp/f; echo 3 > /proc/sys/vm/drop_caches'
	within 30 below $((full - 71680))
	result "of 100 MiB that the guest has freed the host has 70 back without asking"
	[ "$(counter 'Free pages')" = reported ] && [ "$(counter reported-bytes)" -gt 73400320 ]
	result "show tells of it"
	guest 'dd if=/dev/urandom of=/tmp/f bs=1M count=100 && md5sum /tmp/f > /tmp/s && md5sum -c /tmp/s'
	result "the guest uses them again"
	domctl destroy g && nothing_left
	result "nothing is left"
}

# ---- 5. Rules ---------------------------------------------------------------------------

broken() {
	domctl create g --kernel /tests/guest/small --memory 16M --balloon reporting \
		--log $DIR/log --terminal --port a=$DIR/a --wait --timeout 60 > $DIR/out 2>&1
	status=$?
	tr -d '\r' < $DIR/log | sed 's/^/# /'
	[ $status -eq 0 ] && ! grep -q '^not ok' $DIR/log && grep -q '^ok' $DIR/log
	result "a guest that lies to its devices"
	nothing_left
	result "nothing is left"
}

begin
refusals
broken
[ -e /boot/bzImage ] || { finish; }
entropy plain
random
balloon
entropy reporting
reporting
finish
