#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kselftests.sh FORM LIMIT VCPUS...: Linux's own selftests for the scheduler, futex, mm
# and x86 in a Debian domain, once for each number of vCPUs, as KTAP. FORM is short or
# long (see kselftests.list), LIMIT the seconds that one of them may take. With 0 vCPUs
# they run on the host, to know whose failure it is: that has to be the only number.
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
. /tests/host/deblib.sh
# shellcheck disable=SC2034  # common.sh's: the tests' name, not the script's
TEST=smp-kselftest
form=$1 limit=$(($2 * ${SLOW:-1}))
shift 2
# how many there are, and how long all of them may take: short ones are far from their limit
case $form in
short)	want='short|skip' patience=$((limit * 12)) ;;
long)	want='short|skip|long' patience=$((limit * 4)) TEST=$TEST-long ;;
*)	echo "Error: '$form' is neither short nor long"; exit 1 ;;
esac
want=$(grep -cE "^($want) " /tests/host/kselftests.list)

# The script is process 1: systemd would take longer than most of the programs. Without address
# randomisation, but for programs that need it: the emulator translates a page of a library anew at each address, and goes
# through all these translations for each byte that is written to the page later, when it
# is another domain's: half a minute of one REP MOVSB, which is a soft lockup of the host's.
in_domain() {
	domctl create kself --kernel /boot/bzImage --memory 1G --vcpus $1 \
		--disk /dev/vda --disk /dev/vdb --log $DIR/log --wait --timeout $patience \
		--append "root=/dev/vda rw console=hvc0 norandmaps secretmem.enable=1 \
		init=/root/kselftests.sh -- $form $limit" > $DIR/end 2>&1 && return
	note "$(cat $DIR/end; tail -n 40 $DIR/log | tr -d '\r')"
	return 1
}

on_the_host() {
	host_root /dev/vda && mount -t ext4 /dev/vdb $HOST_ROOT/opt &&
		on_host bash /root/kselftests.sh $form $limit > $DIR/log 2>&1
}

# What the log says of each of them, as a result with its notes before it.
results() {
	seen=0 last=
	while IFS= read -r line; do
		case $line in
		"kself: "* | "kselftests: "*)
			if [ "$last" ]; then
				seen=$((seen + 1))
				[ "${last#not ok }" = "$last" ]
				result "$1 vCPUs: ${last#*ok }"
			fi
			last=${line#kself: }
			;;
		*) [ "${last#not ok }" = "$last" ] || note "$line" ;;
		esac
	done < $DIR/text
}

begin
[ -e /boot/bzImage ] && [ -e /dev/vdb ] || { echo "1..0 # SKIP needs kernel and disks"; exit 4; }
mount -t ext4 /dev/vdb /mnt && cp /tests/host/kselftests.list /mnt/ && umount /mnt &&
	mount -t ext4 /dev/vda /mnt && cp /tests/linux/kselftests.sh /mnt/root/ &&
	chmod 755 /mnt/root/kselftests.sh && umount /mnt
result "its disks are made"
for vcpus; do
	if [ $vcpus -gt 0 ]; then in_domain $vcpus; else on_the_host; fi
	result "$vcpus vCPUs: it comes to its end"
	tr -d '\r' < $DIR/log > $DIR/text
	results $vcpus
	all=$(sed -n 's/^kselftests: //p' $DIR/text)
	[ $seen -eq $want ] && [ "$all" = "$want of $want passed" ]
	result "$vcpus vCPUs: ${all:-no end}"
	! grep -E 'WARNING: CPU|BUG: |Call Trace|rcu.*stall|soft lockup|hard LOCKUP' $DIR/text
	result "$vcpus vCPUs: without a complaint of its kernel"
done
[ $vcpus -eq 0 ] || nothing_left
result "nothing is left"
finish
