#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# vcpuset.sh: which vCPUs a domain has is the host's to say, as KTAP.
#
#   1. looking
#   2. a guest that follows
#   3. refusals: the exact line, and nothing changed
#   4. guests that do not follow
#   5. reboots
#   6. races
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
PATIENCE=$((20 * ${SLOW:-1}))

# ---- 1. Looking -------------------------------------------------------------------

# make NAME MODE OPTIONS...: and wait until the guest has begun to listen
make() {
	name=$1 mode=$2
	shift 2
	domctl create $name --kernel /tests/guest/vcpuset --memory 16M --append $mode \
		--log $DIR/$name.log "$@" > $DIR/out 2>&1 &&
		soon grep -q ready $DIR/$name.log && return
	note "$(cat $DIR/out $DIR/$name.log)"
	return 1
}

# numbers of those that are online, or wanted
online() {
	domctl vcpu list $1 | awk '$2 == "online" { printf "%s%s", blank, $1; blank = " " }'
}

wanted() {
	domctl vcpu list $1 | awk '$3 == "yes" { printf "%s%s", blank, $1; blank = " " }'
}

# has NAME ONLINE [WANTED]
has() {
	[ "$(online $1)" = "$2" ] && [ "$(wanted $1)" = "${3-$2}" ] && return
	note "online $(online $1), wanted $(wanted $1)"
	return 1
}

# unwanted NAME VCPU
unwanted() {
	! wanted $1 | grep -qw $2
}

settled() {
	[ "$(online $1)" = "$(wanted $1)" ]
}

# ---- 2. Following -------------------------------------------------------------------

follows() {
	make four obey --vcpus 4 && has four "0 1 2 3"
	needed "all are wanted unless it is said"
	expect 0 "" domctl vcpu down four 3 && has four "0 1 2"
	result "down: the guest has followed when it returns"
	expect 0 "" domctl vcpu down four 1-2 && has four "0" &&
		expect 0 "" domctl vcpu down four 1,3
	result "down: several, and what is down already"
	expect 0 "" domctl vcpu up four 0,3,1 && has four "0 1 3"
	result "up: a list"
	expect 0 "" domctl set four --vcpus 2 && has four "0 1"
	result "set --vcpus: the first ones, one down and none up"
	[ "$(domctl -j vcpu up four 2-3)" = \
		'{"domain":"four","vcpus":"2-3","wanted":true,"followed":true}' ] &&
		[ "$(domctl -j vcpu down four 2)" = \
		'{"domain":"four","vcpus":"2","wanted":false,"followed":true}' ] &&
		[ "$(domctl -j set four -c 1)" = \
		'{"domain":"four","vcpus_wanted":1,"followed":true}' ] && has four 0
	result "-j"
	[ "$(domctl -j vcpu list four | $JSON 1.wanted)" = false ] &&
		[ "$(domctl -j vcpu list four | $JSON 0.wanted)" = true ] &&
		[ "$(domctl -j show four | $JSON vcpus)" = 4 ] &&
		[ "$(domctl -j show four | $JSON vcpus_wanted)" = 1 ] &&
		domctl show four > $DIR/out && grep -q '^vCPUs: 1$' $DIR/out &&
		grep -q '^Max vCPUs: 4$' $DIR/out
	result "list and show say what is wanted, and how many there may be"

	bad=0
	for i in 1 2 3 4; do
		/tests/host/genl_vcpu four 20$i && soon settled four || bad=$i
	done
	[ $bad -eq 0 ] && domctl set four --vcpus 1 && has four 0
	result "200 changes at once, 4 times: it ends with the last one"

	make some obey --vcpus 2 --max-vcpus 4 && has some "0 1" &&
		grep -q 'vCPU 2 is refused' $DIR/some.log
	result "create --vcpus 2 --max-vcpus 4: the guest cannot have more"
	expect 0 "" domctl set some --vcpus 4 && has some "0 1 2 3"
	result "until it may"
	domctl destroy some
	make wide obey --vcpus 1 --max-vcpus 64 && has wide 0 &&
		expect 0 "" domctl set wide --vcpus 64 && [ "$(online wide | wc -w)" -eq 64 ] &&
		expect 0 "" domctl vcpu down wide 1-62 && has wide "0 63"
	result "64"
	domctl destroy wide
}

# ---- 3. Refusals ------------------------------------------------------------------

# same STATUS LINE WORDS...: of domctl, refused, and domain four is as it was
same() {
	status=$1 line=$2
	shift 2
	expect "$status" "$line" domctl "$@" && has four 0
	result "$line"
}

refusals() {
	same 3 "Error: domain none: no such domain" vcpu up none 1
	same 3 "Error: vcpu: four has no vCPU 4: its last one is 3" vcpu up four 1-4
	same 3 "Error: vcpu: four has no vCPU 63: its last one is 3" vcpu down four 63
	same 1 "Error: vcpu: 64 is not in 0 to 63" vcpu up four 64
	same 2 "Error: domain four: vcpu: 0 boots the guest, and stays" vcpu down four 0
	same 2 "Error: domain four: vcpu: 0 boots the guest, and stays" vcpu down four 0-3
	same 2 "Error: vcpus: 5 are more than the domain may have (4)" set four --vcpus 5
	same 2 "Error: vcpus: 64 are more than the domain may have (4)" set four --vcpus 64 --weight 5
	same 1 "Error: vcpus: 0 is not in 1 to 64" set four --vcpus 0
	same 1 "Error: timeout: only vCPUs are waited for (--vcpus)" set four --weight 5 --timeout 1
	make_member
	line="Error: domain four: no such domain"
	expect 3 "$line" as member domctl vcpu up four 1 && has four 0
	result "another user's domain is not there"
	domctl create dead --kernel /tests/guest/puppet --memory 8M --append crash --vcpus 2 > /dev/null
	soon is_state dead dead
	expect 2 "Error: dead: is dead: none of its vCPUs runs" domctl vcpu down dead 1 &&
		expect 2 "Error: dead: is dead: none of its vCPUs runs" domctl set dead --vcpus 1
	result "nor are vCPUs of a dead one wanted, or not"
	domctl destroy dead
	domctl destroy four && rm -rf /tmp/domus-1000 && nothing_left
	result "nothing is left"
}

# ---- 4. Others ------------------------------------------------------------------------

disobeys() {
	make not ignore --vcpus 3 --max-vcpus 4 && has not "0 1 2"
	result "a guest that ignores what it hears"
	expect 2 "Error: vcpu: the guest has not taken 2 down within 1 s: still unwanted" \
		domctl vcpu down not 2 --timeout 1 && has not "0 1 2" "0 1"
	result "down: it is told, and stays unwanted"
	expect 2 "Error: vcpu: the guest has not brought 3 up within 0 s: still wanted" \
		domctl vcpu up not 3 --timeout 0 && has not "0 1 2" "0 1 3"
	result "up: it is told at once where nobody waits"
	expect 0 "" domctl vcpu up not 2
	result "what is online already needs nothing of it"
	(soon unwanted not 2; domctl vcpu up not 2) &
	expect 2 "Error: vcpu: somebody else wants something else by now" \
		domctl vcpu down not 2 --timeout 300
	result "who waits for it learns that it is wanted otherwise"
	wait
	(soon unwanted not 2; domctl destroy not) &
	domctl vcpu down not 2 --timeout 300 2> $DIR/err
	[ $? -ge 2 ] && [ "$(wc -l < $DIR/err)" -eq 1 ] &&
		grep -q -e 'no such domain' -e 'has ended' $DIR/err
	result "or that the domain has ended: $(cat $DIR/err)"
	wait

	make deaf deaf --vcpus 2
	line="Warning: vcpu: the guest does not listen to which are wanted (yet), and keeps those that it has"
	expect 0 "$line" domctl vcpu down deaf 1 && has deaf "0 1" 0
	result "one that does not listen is not waited for"
	expect 0 "" domctl vcpu up deaf 1
	result "nor is there a word where nothing is to be done"
	domctl destroy deaf && nothing_left
	result "nothing is left of them"
}

# ---- 5. Reboots -----------------------------------------------------------------------

reboots_are() {
	[ "$(domctl -j show again | $JSON reboots)" = "$1" ]
}

reboots() {
	make again reboot --vcpus 3 --max-vcpus 4
	domctl vcpu down again 2 --timeout 0 2> /dev/null
	soon reboots_are 1 && soon has again "0 1" && domctl vcpu up again 3 &&
		has again "0 1 3"
	result "what is wanted is so after a reboot, too"
	domctl vcpu down again 1 --timeout $PATIENCE 2> /dev/null
	soon reboots_are 2 && soon has again "0 3"
	result "and after another one"
	domctl destroy again
}

# ---- 6. Races -------------------------------------------------------------------------

# toggle VCPUS N: up and down, until the domain is no more, or N times; behind &
toggle() {
	i=0
	while [ $i -lt $2 ]; do
		i=$((i + 1))
		domctl vcpu down storm $1 --timeout $PATIENCE
		domctl set storm --vcpus $((i % 4 + 1)) --timeout $PATIENCE
		domctl vcpu up storm $1 --timeout $PATIENCE
		[ -n "$(state storm)" ] || break
	done
} 2>> $DIR/said

# Only what may be said
harmless() {
	sort $DIR/said | uniq -c > $DIR/out
	note "$(cat $DIR/out)"
	! grep -v -e 'somebody else wants' -e 'no such domain' -e 'is dead' -e 'has ended' $DIR/out
}

races() {
	make storm storm --vcpus 4
	: > $DIR/said
	toggle 1-2 2 &
	toggle 2-3 2 &
	wait
	harmless && expect 0 "" domctl set storm --vcpus 4 --timeout $PATIENCE && [ "$(wanted storm)" = "0 1 2 3" ]
	result "two who want different things of a guest whose vCPUs come and go"
	/tests/host/genl_vcpu storm 1000 &
	first=$!
	/tests/host/genl_vcpu storm 1000 && wait $first &&
		domctl set storm --vcpus 4 --timeout $PATIENCE && [ "$(wanted storm)" = "0 1 2 3" ]
	result "2000 changes as fast as can be"
	: > $DIR/said
	toggle 1 1000 &
	toggle 2 1000 &
	/tests/host/genl_vcpu storm 1000000 &
	first=$!
	within 20 grep -q somebody $DIR/said
	result "who waits for one of these is told"
	domctl destroy storm
	wait $first
	result "it is destroyed in the middle of it"
	wait
	harmless && nothing_left
	result "and nothing but that is said"
}

begin
follows
refusals
disobeys
reboots
races
finish
