#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# smp.sh [cycles=N] [VCPUS...]: Linux domains of several vCPUs, as KTAP, in the machine of the
# rig with two CPUs; hotplug so many times (30).
#
#   1. boots: all CPUs, their topology, interrupts from CPU to CPU
#   2. hotplug under load; a disk with a queue for each CPU
#   3. ends: reboot, panic, poweroff on another CPU than the first
#   4. CPUs that the host gives and takes
#   5. the host's CPUs: vCPUs' threads that change theirs all the time, one that goes
# shellcheck disable=SC2016,SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
cycles=30
case ${1:-} in
cycles=*) cycles=${1#cycles=}; shift ;;
esac
[ $# -gt 0 ] || set -- 2 4 8
# a domain may take a second for each time
patience=$((200 + cycles * 2))

# linux NAME VCPUS COMMAND [WORDS]: boots it, with WORDS for the kernel, runs the command, which
# has no double quotes, waits for the end; what it printed is in $DIR/log
linux() {
	run=$(printf '%s' "$3" | tr '\n\t' '  ')
	domctl create $1 --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 256M \
		--vcpus $2 ${MORE:-} --append "console=hvc0 loglevel=5 norandmaps ${4:-} run=\"$run\"" --log $DIR/$1.log \
		--wait --timeout $((patience * ${SLOW:-1})) > $DIR/end 2>&1
	ended=$?
	tr -d '\r' < $DIR/$1.log > $DIR/log
	# what a kernel says of itself when something is wrong
	! grep -E 'BUG|WARNING|Call Trace|stall|lockup|mismatch|hung' $DIR/log > $DIR/bad || {
		note "$(head -n 5 $DIR/bad)"
		return 1
	}
	return $ended
}

# has LINE: in the last domain's log
has() {
	grep -q "^$1" $DIR/log && return
	note "no '$1' in:"
	note "$(tail -n 10 $DIR/log) $(cat $DIR/end)"
	return 1
}

# ---- 1. Boots --------------------------------------------------------------------

SEES='cd /sys/devices/system/cpu; echo online $(cat online) of $(cat possible), $(nproc);
	echo threads $(cat cpu[0-9]*/topology/thread_siblings_list | sort -n);
	echo cores $(cat cpu[0-9]*/topology/core_siblings_list | sort -u);
	echo ids $(cat cpu[0-9]*/topology/core_id | sort -n);
	i=0; while [ $i -lt 200 ]; do (true | true); i=$((i + 1)); done;
	for what in RES CAL LOC; do echo $(grep $what: /proc/interrupts); done;
	echo spinlocks that wait $(dmesg | grep -c [P]V.qspinlock)'

boots() {
	last=$(($1 - 1))
	all=$(seq -s ' ' 0 $last)
	linux boot$1 $1 "$SEES" && has "online 0-$last of 0-$last, $1$" &&
		has "threads $all$" && has "cores 0-$last$" && has "ids $all$"
	result "$1 vCPUs boot, cores of one thread"
	# of the kernel's own lines, each CPU has a number that is not 0
	grep '^CAL: ' $DIR/log | awk -v nr=$1 '{
		for (i = 2; i <= nr + 1; i++) busy += $i > 0
	} END { exit busy < nr - 1 }'
	result "they interrupt each other: $(grep '^CAL: ' $DIR/log | cut -c 1-60)"
	has "spinlocks that wait 1$"
	result "who spins for long waits in the hypervisor"
}

# ---- 2. Hotplug ------------------------------------------------------------------

UNPLUG='cd /sys/devices/system/cpu;
	(while :; do :; done) & (while :; do (true | true); done) &
	i=0; bad=0; while [ $i -lt '$cycles' ]; do
		c=cpu$((i % 3 + 1)); i=$((i + 1));
		echo 0 > $c/online || bad=$((bad + 1));
		grep -q 0 $c/online || bad=$((bad + 1));
		echo 1 > $c/online || bad=$((bad + 1)); done;
	echo cycles $i bad $bad online $(cat online); echo 0 > cpu2/online;
	echo 0 > cpu0/online 2> /dev/null || echo cpu0 stays; cat online'

hotplug() {
	linux plug 4 "$UNPLUG" && has "cycles $cycles bad 0 online 0-3$"
	result "$cycles times down and up under load"
	has "cpu0 stays$" && has "0-1,3$"
	result "the first CPU stays; one is down at the end"
	linux one 4 'cd /sys/devices/system/cpu; echo first $(cat online);
		echo 1 > cpu3/online; echo then $(cat online)' maxcpus=1 &&
		has "first 0$" && has "then 0,3$"
	result "maxcpus=1, another one by hand"
}

# Each CPU reads, and the interrupts for what it reads come to itself.
QUEUES='echo queues $(ls /sys/block/vda/mq);
	for c in 0 1 2 3; do taskset -c $c diskio read /dev/vda 4096 64 > /dev/null || echo bad; done;
	grep req /proc/interrupts | while read -r irq a b c d rest; do echo took $a $b $c $d; done'

queues() {
	truncate -s 16M $DIR/image
	MORE="--disk $DIR/image,queues=4"
	linux queues 4 "$QUEUES" && has "queues 0 1 2 3$"
	result "a disk with four queues"
	MORE=
	# the first CPU may have more, of what it read before
	awk '$1 == "took" {
		row++
		for (i = 2; i <= 5; i++)
			if (i - 1 == row ? $i < 64 : $i > 0)
				bad++
	} END { exit bad || row != 4 }' $DIR/log || { note "$(grep took $DIR/log)"; false; }
	result "each is one CPU's"
}

# ---- 3. Ends ---------------------------------------------------------------------

ends() {
	linux off 4 'echo alive; taskset -c 3 poweroff -f' && has alive
	result "poweroff by the last CPU"
	linux panic 4 'echo c | taskset -c 2 tee /proc/sysrq-trigger'
	grep -q 'guest crashed: Kernel panic' $DIR/end
	result "panic on CPU 2: $(head -n 1 $DIR/end | cut -c 1-60)"
	MORE="--max-reboots 1"
	linux again 4 'echo up $(nproc); taskset -c 1 reboot -f'
	MORE=
	[ "$(grep -c '^up 4$' $DIR/log)" -eq 2 ] && grep -q 'reboot loop' $DIR/end
	result "reboots, each with all CPUs"
}

# ---- 4. Given and taken ------------------------------------------------------------

online() {
	guest "[ \$(cat /sys/devices/system/cpu/online) = $1 -a \$(nproc) = $2 ]"
}

# Who takes CPUs down in the guest and the host, which takes and gives them, at once.
fights=$((cycles / 3))
FIGHTS='(for i in $(seq '$fights'); do for c in 1 2 3; do
	echo 0 > /sys/devices/system/cpu/cpu$c/online; echo 1 > /sys/devices/system/cpu/cpu$c/online;
	done; done; echo > /tmp/fought) > /dev/null 2>&1 & true'

both() {
	times=0
	domctl set few --vcpus 4 --cap 150 && online 0-3 4 &&
		guest "$(printf '%s' "$FIGHTS" | tr '\n\t' '  ')"
	needed "a guest that takes its CPUs down, within a cap"
	until [ $times -ge $fights ] && guest '[ -e /tmp/fought ]'; do
		times=$((times + 1))
		[ $times -le $((fights * 10 + 30)) ] || break
		domctl vcpu down few 1-3 --timeout 0
		domctl vcpu up few 1-3 --timeout 0
	done > /dev/null 2>&1
	guest '[ -e /tmp/fought ]' && domctl vcpu down few 1-3 && online 0 1 &&
		domctl vcpu up few 1-3 && online 0-3 4
	result "$fights times by the guest, and at once $times times by the host"
}

given() {
	# shellcheck disable=SC2034  # for guest() of common.sh
	GUEST=few
	domctl create few --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 256M \
		--vcpus 2 --max-vcpus 4 --log $DIR/few.log --append "console=hvc0 loglevel=5 norandmaps" > /dev/null &&
		within 100 grep -q 'domus guest ready' $DIR/few.log && online 0-1 2
	result "two of four vCPUs at boot"
	domctl set few --vcpus 4 && online 0-3 4
	result "set --vcpus 4, and it has them"
	domctl vcpu down few 1-2 && online 0,3 2
	result "vcpu down"
	domctl vcpu up few 1 && online 0-1,3 3
	result "vcpu up"
	guest 'echo 0 > /sys/devices/system/cpu/cpu3/online' && domctl vcpu up few 2 && online 0-2 3
	result "what the administrator took down stays so"
	domctl vcpu down few 3 && domctl vcpu up few 3 && online 0-3 4
	result "until the host takes it and gives it again"
	domctl set few --vcpus 1 && online 0 1
	result "set --vcpus 1"
	both
	! grep -E 'BUG|WARNING|Call Trace|stall|lockup|mismatch|hung' $DIR/few.log && domctl destroy few
	result "without a complaint of its kernel"
}

# ---- 5. The host ----------------------------------------------------------------

LOAD='for p in 1 2 3 4; do (i=0; while [ $i -lt '$((31 + cycles))' ]; do
	(true | true); i=$((i + 1)); done) & done;
	wait; echo loaded by $(nproc); read -r cpu u n s i w q f stolen rest < /proc/stat;
	echo stolen $stolen'
CPU1=/sys/devices/system/cpu/cpu1/online

# N times, or until the domain has done its work
unplug_host() {
	times=0
	while [ $times -lt $1 ] && ! loaded; do
		echo 0 > $CPU1 && echo 1 > $CPU1 || return
		times=$((times + 1))
	done
	[ $times -ge $least ]
}

loaded() {
	[ -s $DIR/loaded ]
}

there() {
	[ "$(holder_of $1 2> /dev/null)" ]
}

# beside NAME COMMAND...: while a domain works, which ends well
beside() {
	name=$1
	shift
	rm -f $DIR/loaded
	# four vCPUs on two CPUs: the guest sees what it does not get
	(linux $name 4 "$LOAD" && has "loaded by 4" && has "stolen [1-9]"
		echo $? > $DIR/loaded) &
	load=$!
	soon there $name && "$@"
	got=$?
	wait $load
	[ $got -eq 0 ] && [ "$(cat $DIR/loaded)" = 0 ]
}

bounced() {
	/tests/host/bounce "$(holder_of $name)" > $DIR/bounced &
	bouncer=$!
	within $patience loaded
	kill $bouncer && wait $bouncer && [ "$(cut -d ' ' -f 1 $DIR/bounced)" -ge $((least * 50)) ]
}

hosts() {
	# how often in the time of its work, which is longer with more cycles
	least=$((cycles / 10 + 2))
	beside moved bounced
	result "threads of vCPUs are put on other CPUs every millisecond: $(cat $DIR/bounced)"
	beside less unplug_host $((20 + cycles))
	got=$?
	echo 1 > $CPU1 2> /dev/null
	[ $got -eq 0 ]
	result "a CPU of the host goes and comes under load, $times times"
}

begin
[ -e /boot/bzImage ] || { echo "1..0 # SKIP needs the guest's kernel"; exit 4; }
for nr; do
	boots $nr
done
if [ $# -gt 1 ]; then
	hotplug
	queues
	ends
	given
	hosts
fi
nothing_left
result "nothing is left"
finish
