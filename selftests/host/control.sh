#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# control.sh: domctl and the module's control, as KTAP, in the machine of the rig.
#
#   1. a guest that does as it is told: puppet
#   2. what must be refused: the exact line, the exit status, nothing left behind
#   3. how a domain ends: the statuses of create --wait
#   4. detached domains: list, show, console, destroy
#   5. holders that are killed
#   6. other users
#   7. many domains
#   8. on a terminal
#
# control.sh absent: the same without the module loaded.
# shellcheck disable=SC2086,SC2181,SC2317  # words are split on purpose
set -u

PUPPET=/tests/guest/puppet
PTY=/tests/host/pty
MEMORY="--memory 8M"
CREATE="domctl create --kernel $PUPPET $MEMORY"
. /tests/host/common.sh

# ---- 1. A guest that does as it is told ------------------------------------------

puppet() {
	name=$1 does=$2
	shift 2
	$CREATE "$name" --append "$does" "$@"
}

# ---- 2. Refusals --------------------------------------------------------------

# patch FILE OFFSET BYTES: a puppet that differs
patch() {
	cp $PUPPET "$1"
	# shellcheck disable=SC2059
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2> /dev/null
}

make_images() {
	# The descriptor of the note follows its name, 8 bytes with the padding.
	desc=$(strings -t d $PUPPET | awk '$2 == "domus" { at = $1 } END { print at + 8 }')
	patch $DIR/major "$desc" '\002\000'
	patch $DIR/minor $((desc + 2)) '\011\000'
	patch $DIR/bit40 $((desc + 13)) '\001'
	patch $DIR/arch 18 '\267\000'
	patch $DIR/silent 4096 '\353\376'	# jmp .
	patch $DIR/ud2 4096 '\017\013'
	head -c 60 $PUPPET > $DIR/cut60
	head -c 100 $PUPPET > $DIR/cut100
	head -c 6000 $PUPPET > $DIR/cut6000
	echo "#!/bin/sh" > $DIR/text
	: > $DIR/empty
	dd if=/dev/zero of=$DIR/large bs=1M count=20 2> /dev/null
}

create() {
	image=$1
	shift
	domctl create bad $MEMORY --timeout 20 "$@" --kernel "$image"
}

refuse_names() {
	rule="must be letters, digits, '.', '_' and '-', a letter or digit first"
	refuse 1 "Error: name: is empty" domctl create "" --kernel $PUPPET
	for bad in a/b "a b" .a ../x "a;b" "a
b"; do
		refuse 1 "Error: name: '$(printf %s "$bad" | tr '\n' '?')' $rule" \
			domctl create "$bad" --kernel $PUPPET
	done
	refuse 1 "Error: -x: unknown option (see domctl help)" domctl create -x
	refuse 1 "Error: name: is longer than 63 bytes" \
		domctl create "$(head -c 64 /dev/zero | tr '\0' n)" --kernel $PUPPET
	for command in show destroy console dmesg; do
		refuse 1 "Error: name: 'a/b' $rule" domctl $command a/b
		refuse 3 "Error: domain nobody: no such domain" domctl $command nobody
		refuse 1 "Error: NAME: is missing (see domctl $command help)" domctl $command
	done
}

refuse_numbers() {
	refuse 1 "Error: memory: 0 is not in 1M to 4T" create $PUPPET --memory 0
	refuse 1 "Error: memory: 512K is not in 1M to 4T" create $PUPPET --memory 512K
	refuse 1 "Error: memory: 5T is not in 1M to 4T" create $PUPPET --memory 5T
	refuse 1 "Error: memory: 1048577 is no multiple of 4K" create $PUPPET --memory 1048577
	refuse 1 "Error: memory: '-1' is not a size (as 512M or 2G)" create $PUPPET --memory=-1
	refuse 1 "Error: memory: 99999999999T is too large" create $PUPPET --memory 99999999999T
	create $PUPPET --memory 4T > /dev/null 2> $DIR/err
	[ $? -eq 2 ] && grep -q "^Error: memory: 4T is more than this host has (.* with swap)$" \
		$DIR/err && nothing_left
	result "memory that the host does not have"
	refuse 1 "Error: vcpus: 0 is not in 1 to 64" create $PUPPET --vcpus 0
	refuse 1 "Error: vcpus: 65 is not in 1 to 64" create $PUPPET --vcpus 65
	refuse 1 "Error: vcpus: '1x' is not a number" create $PUPPET --vcpus 1x
	refuse 1 "Error: timeout: 0 is not in 1 to 31536000" create $PUPPET --timeout 0
	refuse 1 "Error: create: --console, --detach and --wait exclude each other" \
		create $PUPPET --wait --detach
	refuse 1 "Error: append: is longer than 4095 bytes" \
		create $PUPPET --append "$(head -c 4096 /dev/zero | tr '\0' x)"
}

refuse_images() {
	refuse 3 "Error: kernel: /none: No such file or directory" create /none
	refuse 2 "Error: image: not a file" create /tmp
	refuse 2 "Error: image: is empty" create $DIR/empty
	refuse 2 "Error: image: not an ELF or bzImage" create $DIR/text
	refuse 2 "Error: image: truncated" create $DIR/cut60
	refuse 2 "Error: image: truncated" create $DIR/cut100
	refuse 2 "Error: image: truncated" create $DIR/cut6000
	if [ -e /boot/bzImage ]; then
		head -c 1000 /boot/bzImage > $DIR/cutbz1000
		head -c 100000 /boot/bzImage > $DIR/cutbz100000
		refuse 2 "Error: image: truncated" create $DIR/cutbz1000
		refuse 2 "Error: image: truncated" create $DIR/cutbz100000
	fi
	refuse 2 "Error: image: an ELF, but not for x86-64" create $DIR/arch
	refuse 2 "Error: image: no domus note: not built for domus" create /bin/busybox
	refuse 2 "Error: image: needs ABI 2.x, host offers 1.0" create $DIR/major
	refuse 2 "Error: image: needs ABI 1.9, host offers 1.0" create $DIR/minor
	refuse 2 "Error: image: needs feature bit 40 which this host lacks" create $DIR/bit40
	refuse 2 "Error: image: needs 3 MiB, domain has 1 MiB" create $PUPPET --memory 1M
	refuse 3 "Error: initrd: /none: No such file or directory" create $PUPPET --initrd /none
	refuse 2 "Error: initrd: is empty" create $PUPPET --initrd $DIR/empty
	refuse 2 "Error: initrd: not a file" create $PUPPET --initrd /tmp
	refuse 2 "Error: initrd: needs 23 MiB with the image, domain has 8 MiB" \
		create $PUPPET --initrd $DIR/large
	refuse 3 "Error: log: /none/log: No such file or directory" \
		create $PUPPET --log /none/log
}

# domctl of another ABI than the module; selftests/host/Makefile builds it.
refuse_abi() {
	line="Error: module: is of host ABI 1, domctl of 2: update the older one"
	for command in list "show a" "destroy a" "console a" "create a --kernel $PUPPET"; do
		refuse 2 "$line" /tests/host/domctl-abi2 $command
	done
	expect 2 "$line" /tests/host/domctl-abi2 version && grep -q '^Module: 0' $DIR/out
	result "version says what there is, and the same"
	/tests/host/domctl-abi2 version -j > $DIR/out
	[ $? -eq 2 ] && [ "$($JSON host_abi < $DIR/out)" = 1 ] &&
		[ "$($JSON error.status < $DIR/out)" = 2 ]
	result "and in JSON"
}

refuse_json() {
	domctl -j create bad --kernel /none > $DIR/out 2> $DIR/err
	[ $? -eq 3 ] && [ ! -s $DIR/err ] && [ "$(cat $DIR/out)" = \
		'{"error":{"what":"kernel","why":"/none: No such file or directory","status":3}}' ]
	result "errors are JSON under -j"
}

# ---- 3. Ends ------------------------------------------------------------------

# ends STATUS LINE DOES OPTIONS...
ends() {
	status=$1 line=$2 does=$3
	shift 3
	expect "$status" "$line" puppet end "$does" --wait "$@" && nothing_left
	result "create --wait: $does: status $status"
}

all_ends() {
	ends 0 "end: guest powered off" poweroff
	ends 11 "end: guest crashed: Kernel panic - not syncing: told to" crash
	ends 16 "end: guest suspended" suspend
	ends 10 "end: reboot loop: the guest rebooted 4 times" reboot
	ends 10 "end: reboot loop: the guest rebooted 1 times" reboot --max-reboots 0
	ends 13 "Error: end: has not ended after 2 s: destroyed" spin --timeout 2
	ends 13 "Error: end: has not ended after 2 s: destroyed" idle --timeout 2
	puppet end argue --wait > /dev/null 2> $DIR/err
	[ $? -eq 12 ] && grep -q "^end: " $DIR/err && nothing_left
	result "create --wait: killed for a broken call: status 12"

	refuse 13 "Error: bad: the guest has not made its first call after 2 s: destroyed" \
		create $DIR/silent --timeout 2
	create $DIR/ud2 > /dev/null 2> $DIR/err
	[ $? -eq 12 ] && grep -q "^Error: bad: ended before its first call: " $DIR/err &&
		nothing_left
	result "a guest that dies at once says so: status 12"

	$CREATE end --append idle --wait > /dev/null 2> $DIR/err &
	creator=$!
	soon is_state end running && domctl destroy end && wait $creator
	[ $? -eq 14 ] && grep -q "^end: destroyed by user 0$" $DIR/err && nothing_left
	result "create --wait: destroyed: status 14"

	$CREATE end --append idle --wait > /dev/null 2> $DIR/err &
	creator=$!
	soon is_state end running
	kill -TERM $creator
	wait $creator
	[ $? -eq 143 ] && [ "$(cat $DIR/err)" = "Error: end: interrupted: destroyed" ] &&
		nothing_left
	result "create --wait: interrupted: ends the domain"

	puppet end flood --wait --log $DIR/log > $DIR/out 2>&1 &&
		[ "$(cat $DIR/out)" = "end: guest powered off" ] &&
		grep -q '^line 100000 ' $DIR/log && grep -q '^line 116383 ' $DIR/log
	result "create --wait --log: console in the file, nothing on stdout"
	domctl -j create end --kernel $PUPPET --memory 8M --append crash --wait \
		> $DIR/out 2> $DIR/err
	[ $? -eq 11 ] && [ ! -s $DIR/err ] && [ "$($JSON reason < $DIR/out)" = '"crash"' ] &&
		[ "$($JSON status < $DIR/out)" = 11 ]
	result "create --wait -j: the end as JSON"
}

# ---- 4. Detached --------------------------------------------------------------

detached() {
	[ "$($CREATE one -j --append idle | $JSON state)" = '"running"' ] &&
		[ "$(domctl destroy one -j | $JSON name)" = '"one"' ]
	result "create -j, destroy -j"
	puppet one idle > $DIR/out && grep -q '^one: running (PID [0-9]*)$' $DIR/out
	result "create --detach returns when the guest runs"
	domctl list | grep -q '^one  *running  *1  *8M '
	result "list shows it"
	[ "$(domctl | head -n 1)" = "$(domctl list | head -n 1)" ]
	result "no command is list"
	[ "$(domctl list -j | $JSON 0.name)" = '"one"' ] && domctl list -p | $JSON &&
		[ "$(domctl show one -j | $JSON vcpu.0.state)" = '"online"' ] &&
		domctl show one -jps | $JSON vcpu.0.exits_by_cause.call > /dev/null &&
		[ "$(domctl version -j | $JSON module_loaded)" = true ]
	result "list, show, version: JSON"
	within 5 sh -c "[ \$(domctl show one -js | $JSON vcpu.0.runtime_ns) -gt 0 ]"
	result "the time of a vCPU that has slept since it began is counted"
	expect 2 "Error: domain one: a domain of this name exists" puppet one idle
	result "a duplicate name is refused"
	is_state one running
	result "the first one does not mind"
	domctl -js show one | grep -q '"exits_by_cause":{"'
	result "show -s has counters"
	printf '\035' | domctl console one | grep -q '^puppet: idle'
	result "console shows what was written before"
	is_state one running
	result "^] detaches, the domain runs on"

	# A client that stays: its input is a pipe that stays open.
	mkfifo $DIR/keys
	domctl console one < $DIR/keys > $DIR/first 2> $DIR/first.err &
	first=$!
	exec 4> $DIR/keys
	soon grep -q puppet $DIR/first
	expect 2 "Error: console one: somebody is attached (--force takes it over)" \
		domctl console one < /dev/null
	result "a second attach is refused"
	expect 0 "" domctl dmesg one && grep -q '^puppet: idle' $DIR/out && kill -0 $first
	result "dmesg does not mind, and takes nothing away"
	printf '\001' | domctl console one --force --escape ^A > /dev/null
	result "--force takes over, --escape ^A leaves"
	wait $first
	[ $? -eq 2 ] && [ "$(cat $DIR/first.err)" = "Error: console one: was taken over" ]
	result "and the first one is told"
	exec 4>&-

	expect 0 "" domctl destroy one && nothing_left
	result "destroy ends it, with all it had"
}

dead() {
	puppet two crash > /dev/null
	soon is_state two dead
	result "a dead domain stays to be asked"
	domctl list | grep -q '^two  *dead .*  crash$'
	result "list says why"
	domctl show two | grep -q '^Because: guest crashed: Kernel panic - not syncing: told to$'
	result "show says more"
	domctl show two | grep -q '^  rip: 0xffffffff80[0-9a-f]*$' &&
		domctl show two -j | $JSON registers.rip | grep -q '^"0xffffffff80[0-9a-f]*"$'
	result "and has the registers"
	domctl list -j | $JSON 0.reason_text | grep -q '"guest crashed: Kernel panic'
	result "list -j has the text"
	domctl console two < /dev/null > $DIR/out 2> $DIR/err &&
		grep -q '^puppet: crash' $DIR/out &&
		[ "$(cat $DIR/err)" = "two: guest crashed: Kernel panic - not syncing: told to" ]
	result "console shows its last words"
	expect 0 "" domctl dmesg two && grep -q '^puppet: crash' $DIR/out
	result "so does dmesg"
	domctl -j dmesg two | $JSON output | grep -q 'puppet: crash\\u000a'
	result "dmesg -j: all in one string"
	kill -STOP "$(holder_of two)"
	expect 2 "Error: console two: the holder does not answer" domctl dmesg two
	result "dmesg does not wait for ever"
	kill -CONT "$(holder_of two)"
	expect 2 "Error: domain two: a domain of this name exists" puppet two idle
	result "its name is taken"
	expect 0 "" domctl destroy two && nothing_left
	result "destroy forgets it"
	expect 3 "Error: domain two: no such domain" domctl destroy two
	result "destroying it twice is an error"
}

echoes() {
	rm -f $DIR/keys
	mkfifo $DIR/keys
	puppet three echo --console < $DIR/keys > $DIR/out 2> $DIR/err &
	creator=$!
	exec 4> $DIR/keys
	soon grep -q ready $DIR/out
	result "create --console shows the console"
	printf 'hello\n' >&4
	soon grep -q '<hello>' $DIR/out
	result "and takes input"
	printf 'quit\n' >&4
	wait $creator
	[ $? -eq 0 ] && [ "$(tail -n 1 $DIR/err)" = "three: guest powered off" ] && nothing_left
	result "and ends with the guest"
	exec 4>&-

	(puppet four echo --console < $DIR/keys > $DIR/out 2> $DIR/err) &
	exec 4> $DIR/keys
	soon grep -q ready $DIR/out
	printf '\035' >&4
	wait $!
	exec 4>&-
	is_state four running
	result "create --console, ^]: the domain runs on"
	domctl console four < $DIR/keys > $DIR/out &
	exec 4> $DIR/keys
	printf 'after\n' >&4
	soon grep -q '<after>' $DIR/out && printf '\035' >&4 && wait $!
	result "and can be attached to again"
	exec 4>&-
	domctl destroy four && nothing_left
	result "and destroyed"
}

# ---- 5. Killed holders --------------------------------------------------------

killed() {
	create $DIR/silent > /dev/null 2> $DIR/err &
	creator=$!
	soon is_state bad running
	killall -9 domus:bad
	wait $creator
	[ $? -eq 15 ] && [ "$(cat $DIR/err)" = "Error: holder: was killed by signal 9 (Killed) \
before the guest's first call, and the domain with it" ] && nothing_left
	result "holder killed -9 during boot: create says so"

	puppet five spin --wait 2> $DIR/err > /dev/null &
	creator=$!
	soon is_state five running
	killall -9 domus:five
	wait $creator
	[ $? -eq 15 ] && [ "$(cat $DIR/err)" = "Error: holder: was killed by signal 9 (Killed) \
while the guest ran, and the domain with it" ] && nothing_left
	result "holder killed -9 while the guest runs: create --wait says so"

	puppet six spin > /dev/null
	killall -9 domus:six
	soon is_gone six && [ "$(domctl -j list)" = "[]" ]
	result "holder killed -9: the domain is gone"
	puppet six spin > /dev/null && domctl destroy six && nothing_left
	result "and its name is free"

	puppet seven spin > /dev/null
	killall -TERM domus:seven
	nothing_left
	result "holder told to end: nothing is left"

	$CREATE eight --append idle --wait > /dev/null 2>&1 &
	creator=$!
	soon is_state eight running
	kill -9 $creator
	wait $creator
	nothing_left
	result "create --wait killed -9: the domain ends with it"
}

# ---- 6. Other users -----------------------------------------------------------

others() {
	make_member
	mine="domctl create mine --kernel $PUPPET $MEMORY --append"
	expect 2 "Error: /dev/domus: no permission: it takes root or a member of group domus" \
		as nobody "$mine" idle && nothing_left
	result "no permission without the group"
	puppet root idle > /dev/null
	[ "$(as member domctl -j list)" = "[]" ]
	result "another user's list does not show root's domain"
	for command in show destroy console dmesg; do
		expect 3 "Error: domain root: no such domain" as member domctl $command root
		result "$command: as if it were not there"
	done
	is_state root running
	result "and it runs on"
	expect 2 "Error: domain root: a domain of this name exists" \
		as member domctl create root --kernel $PUPPET "$MEMORY" --append idle
	result "names are the host's: taken is taken"

	as member "$mine" idle > /dev/null
	result "a member of group domus needs no root"
	[ "$(as member domctl -j list | grep -o '"name":"[a-z]*"')" = '"name":"mine"' ]
	result "and sees his own domain only"
	[ "$(domctl -j list | grep -o '"name":' | wc -l)" -eq 2 ]
	result "root sees both"
	printf '\035' | domctl console mine | grep -q '^puppet: idle'
	result "root can attach to it"
	# His directory is his: what he puts there must not lead root elsewhere.
	mv /tmp/domus-1000/mine.sock /tmp/domus-1000/kept
	ln -s /run/domus/root.sock /tmp/domus-1000/mine.sock
	expect 2 "Error: holder: who answers at /tmp/domus-1000/mine.sock is not the domain's \
owner" domctl console mine < /dev/null
	result "but not to what else is in its place"
	mv /tmp/domus-1000/kept /tmp/domus-1000/mine.sock
	domctl destroy mine
	result "root can destroy it"
	as member "$mine" crash > /dev/null
	soon is_state mine dead && as member domctl destroy mine
	result "its owner can, too"
	as member "$mine" crash > /dev/null
	soon is_state mine dead && domctl destroy mine
	result "root can make his holder go"
	domctl destroy root
	[ -z "$(ls /tmp/domus-1000)" ] && rmdir /tmp/domus-1000 && nothing_left
	result "nothing is left of either"
}

# ---- 7. Many ------------------------------------------------------------------

many() {
	count=24
	for i in $(seq $count); do
		puppet "many-$i" idle > /dev/null || break
	done
	[ "$(domctl -j list | grep -o '"name":' | wc -l)" -eq $count ]
	result "$count domains, and a dump that takes several messages"
	[ "$(domctl list | tail -n +2 | sort | uniq | wc -l)" -eq $count ]
	result "each is listed once"
	puppet wide idle --vcpus 64 > /dev/null
	[ "$(domctl show wide -js | $JSON vcpu.63.id)" = 63 ] &&
		[ "$(domctl show wide -j | $JSON vcpu.63.state)" = '"offline"' ]
	result "64 vCPUs, and a dump that takes several messages"
	domctl destroy wide
	domctl list | head -n 1 > /dev/null
	result "a reader that stops early is no error"
	for i in $(seq $count); do
		domctl destroy "many-$i" &
		last=$!
	done
	wait $last
	nothing_left
	result "destroyed all at once: nothing is left"
}

# ---- 8. On a terminal ---------------------------------------------------------

# A person's session: see pty.c.
terminal() {
	line="create tty --kernel $PUPPET $MEMORY --append echo --console"
	$PTY raw '?^] detaches' ?ready '=hello\r' '?<hello>' '=\035' \
		'?Detached from tty, which runs on' '?status 0' cooked '=\r' end -- \
		sh -c "domctl $line; echo status \$?; read x" > $DIR/out
	result "create --console on a terminal: types, ^] detaches, the terminal is as before"
	is_state tty running
	result "the domain runs on"
	$PTY raw '?<hello>' '=again\r' '?<again>' '=\003\r' '?<' '=\035' end -- \
		domctl console tty > $DIR/out
	result "console: the history is there, ^C is the guest's"
	$PTY raw '?<again>' '=\001' end -- domctl console tty --escape ^A > $DIR/out
	result "console --escape ^A"
	$PTY raw '?<again>' hangup -- domctl console tty > $DIR/out
	[ $? -eq 129 ] && is_state tty running
	result "a terminal that goes away: the domain runs on"
	$PTY raw '=quit\r' '?guest powered off' end -- domctl console tty --force > $DIR/out &&
		domctl destroy tty && nothing_left
	result "console ends with the guest"
}

# ---- without the module -------------------------------------------------------

absent() {
	line="Error: module: domus is not loaded (modprobe domus)"
	for command in list "show a" "destroy a" "console a" "create a --kernel $PUPPET"; do
			expect 2 "$line" domctl $command
		result "domctl $command: $line"
	done
	domctl version | grep -q '^Module: not loaded$'
	result "version says so, and is no error"
	domctl -j version | grep -q '"module_loaded":false'
	result "and in JSON"
}

begin
if [ "${1:-}" = absent ]; then
	absent
else
	make_images
	nothing_left
	result "nothing is there at the beginning"
	refuse_names
	refuse_numbers
	refuse_images
	refuse_json
	refuse_abi
	all_ends
	detached
	dead
	echoes
	killed
	others
	many
	terminal
fi
finish
