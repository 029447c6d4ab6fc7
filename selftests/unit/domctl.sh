#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# domctl.sh: what domctl says and returns where no module is needed, as KTAP. Runs a
# build with ASan and UBSan, or $DOMCTL.
#
#   1. reporting
#   2. help and version
#   3. usage errors: status 1 and one line; of configuration files, too
#   4. files that are not there
#   5. errors in JSON
#   6. without the module
#   7. the netlink spec says what the header says
#   8. random command lines
set -u
cd "$(dirname "$0")/../.." || exit 1

if [[ -z ${DOMCTL:-} ]]; then
	make -s -C userspace SAN=1 >&2 || exit 1
	DOMCTL=$PWD/build/domctl-san/domctl
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_RUNTIME_DIR=$work
: > "$work/kernel"

# 1.

HINT="(see domctl help)"
rerun="selftests/unit/domctl.sh"
. selftests/unit/results.sh

# run COMMAND...: $status, $out, $err
run() {
	"$@" > "$work/out" 2> "$work/err" < /dev/null
	status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
}

# refuse STATUS WHAT WHY ARGUMENT...: the line on stderr, nothing on stdout
refuse() {
	local expected=$1 line="Error: $2: $3"
	shift 3
	run "$DOMCTL" "$@"
	if [[ $status -ne $expected || $err != "$line" || -n $out ]]; then
		printf '# domctl%s\n# status %d, expected %d\n# %s\n# expected: %s\n' \
			"$(printf " '%s'" "$@")" "$status" "$expected" "${err//$'\n'/$'\n'# }" "$line"
		result 1 "$line"
	else
		result 0 "$line"
	fi
}

# says PATTERN ARGUMENT...: status 0, the pattern on stdout, nothing on stderr
says() {
	local pattern=$1
	shift
	run "$DOMCTL" "$@"
	[[ $status -eq 0 && $out =~ $pattern && -z $err ]]
	result $? "domctl $*"
}

loaded() { [[ -e /sys/module/domus ]]; }

# 2.

test_help() {
	says '^Usage: domctl ' help
	says '^Usage: domctl ' -h
	says '^Usage: domctl ' --help
	says '^Usage: domctl ' domain help
	says "^domctl $(cat userspace/VERSION)$" -V
	says "^domctl $(cat userspace/VERSION)$" --version
	says '^Usage: domctl .* disk COMMAND' disk help
	says '^Usage: domctl .* disk COMMAND' disk -h
	says '^Usage: domctl .* disk COMMAND' help disk
	for command in attach detach list resize set; do
		says "^Usage: domctl .* disk $command" help disk $command
		says "^Usage: domctl .* disk $command" disk help $command
		says "^Usage: domctl .* disk $command" disk $command help
		says "^Usage: domctl .* disk $command" -j disk $command --help
	done
	for command in create list show console destroy pause unpause monitor dmesg version; do
		says "^Usage: domctl .* $command" help $command
		says "^Usage: domctl .* $command" $command help
		says "^Usage: domctl .* $command" $command -h
		says "^Usage: domctl .* $command" domain $command --help
	done
}

# 3.

test_usage() {
	local hint="(see domctl help)" command
	local rule="must be letters, digits, '.', '_' and '-', a letter or digit first"

	for word in lst creat l "" "list " LIST lists vcpus pin; do
		refuse 1 "$word" "no such command $hint" "$word"
	done
	refuse 1 lst "no such command $hint" domain lst
	refuse 1 lst "no such command $hint" help lst
	refuse 1 --jso "unknown option $hint" --jso
	refuse 1 --json=1 "takes no value" --json=1 list
	refuse 1 -x "unknown option $hint" -x
	refuse 1 --forc "unknown option $hint" console a --forc
	refuse 1 --force "unknown option $hint" show a --force
	refuse 1 -V "stands before the command" list -V
	refuse 1 a "unexpected word (see domctl list help)" list a
	refuse 1 --all "unexpected word (see domctl list help)" list -- --all
	for command in show destroy pause unpause dmesg console create; do
		refuse 1 NAME "is missing (see domctl $command help)" $command
		refuse 1 b "unexpected word (see domctl $command help)" $command a b
	done
	for command in show destroy pause unpause monitor dmesg console; do
		refuse 1 name "'a/b' $rule" $command a/b
		refuse 1 name "'-x' $rule" $command -- -x
		refuse 1 name "is empty" $command ""
	done
	refuse 1 --kernel "is missing (see domctl create help)" create a
	refuse 1 --kernel "needs a value: FILE" create a --kernel
	refuse 1 --memory "needs a value: SIZE" create a --kernel "$work/kernel" -m
	refuse 1 escape "'ab' is neither ^X, a character, nor none" console a --escape ab
	refuse 1 escape "'' is neither ^X, a character, nor none" console a --escape=
	refuse 1 escape "'^~' is neither ^X, a character, nor none" console a --escape '^~'
}

# wrong LINE OPTION...: a create that is right but for the options
wrong() {
	local what=$1 why=$2
	shift 2
	refuse 1 "$what" "$why" create a -k "$work/kernel" "$@"
}

test_create() {
	local size="is not a size (as 512M or 2G)" huge
	huge=$(head -c 4096 /dev/zero | tr '\0' x)

	for value in M 1.5G -1 "" "1 M" 1MB 0x1000; do
		wrong memory "'$value' $size" --memory "$value"
	done
	wrong memory "0 is not in 1M to 4T" --memory 0
	wrong memory "512K is not in 1M to 4T" --memory 512K
	wrong memory "8T is not in 1M to 4T" --memory 8T
	wrong memory "18446744073709551617 is too large" --memory 18446744073709551617
	wrong memory "18014398509481984K is too large" --memory 18014398509481984K
	wrong memory "1048577 is no multiple of 4K" --memory 1048577
	for value in x "" -1 1x 0x2 " 2"; do
		wrong vcpus "'$value' is not a number" --vcpus "$value"
	done
	wrong vcpus "0 is not in 1 to 64" --vcpus 0
	wrong vcpus "65 is not in 1 to 64" -c65
	wrong vcpus "4294967297 is not in 1 to 64" --vcpus=4294967297
	wrong timeout "0 is not in 1 to 31536000" --wait --timeout 0
	wrong max-reboots "'many' is not a number" --max-reboots many
	wrong append "is longer than 4095 bytes" --append "$huge"
	wrong create "--console, --detach and --wait exclude each other" --wait --console
	wrong create "--console, --detach and --wait exclude each other" --detach --wait
	refuse 1 name "is longer than 63 bytes" create "${huge::64}" -k "$work/kernel"
}

test_net() {
	local rule="must be letters, digits, '.', '_' and '-', a letter or digit first" command
	local one="one of bridge=BRIDGE, host and manual is needed"

	says '^Usage: domctl .* net COMMAND' net help
	for command in attach detach list set; do
		says "^Usage: domctl .* net $command" help net $command
		says "^Usage: domctl .* net $command" net $command help
	done
	refuse 1 resize "no such command $HINT" net resize a
	refuse 1 b "unexpected word (see domctl net list help)" net list a b
	refuse 1 b "unexpected word (see domctl net attach help)" net attach a b
	for command in attach detach set; do
		refuse 1 DOMAIN "is missing (see domctl net $command help)" net $command
	done
	refuse 1 name "'a/b' $rule" net attach a/b --host
	for command in detach set; do
		refuse 1 name "'a/b' $rule" net $command a/b x
		refuse 1 NAME "is missing (see domctl net $command help)" net $command a
		refuse 1 "net name" "'a/b' $rule" net $command a a/b
	done
	refuse 1 net "$one" net attach a
	refuse 1 net "bridge, host and manual exclude each other" net attach a --host --manual
	refuse 1 bridge "is empty" net attach a --bridge ""
	refuse 1 vlan "is for interfaces in a bridge" net attach a --host --vlan 3
	refuse 1 vlan "4095 is not in 1 to 4094" net set a b --vlan 4095
	refuse 1 vlan "is for interfaces in a bridge" net set a b --bridge none --vlan 4
	refuse 1 vlan "is for interfaces in a bridge" net set a b --vlan none --bridge none
	refuse 1 vlan "'None' is not a number" net set a b --vlan None
	refuse 1 vlan "'none' is not a number" net attach a --bridge b --vlan none
	refuse 1 vlan "4095 is not in 1 to 4094" net set a b --vlan none --vlan 4095
	refuse 1 --mac "unknown option $HINT" net set a b --mac d6:00:00:00:00:01
	refuse 1 link "'on' is neither up nor down" net set a b --link on
	refuse 1 set "nothing to change (see domctl net set help)" net set a b
	refuse 1 net "$one" create a -k x --net vlan=3
	refuse 1 --net "unknown option ''" create a -k x --net ""
	refuse 1 --net "unknown option 'none'" create a -k x --net none,host
	refuse 1 --net "none excludes others" create a -k x --net none --net host
	refuse 1 "net name" "'b' is given twice" create a -k x --net host,name=b --net host,name=b
	refuse 1 "net name" "'b' is given twice" create a -k x --disk y,name=b --net host,name=b
	refuse 3 kernel "$work/none: No such file or directory" \
		create a -k "$work/none" --net host --net bridge=b --net manual,name=net1
	config 2 "net: no such key in [domain]" "[domain]" "net = host"
	config 1 "net: $one" "[net a]"
	config 1 "net: $one" "[net a]" "vlan = 3" "[domain]" "vcpus = 0"
	config 3 "vlan: 0 is not in 1 to 4094" "[net a]" "bridge = b" "vlan = 0"
	config 2 "host: 'on' is neither yes nor no" "[net a]" "host = on"
	config 2 "name: no such key in [net NAME]" "[net a]" "name = b"
	config 3 "net: bridge, host and manual exclude each other" "[net a]" "host = yes" "bridge = b"
}

test_disk() {
	local rule="must be letters, digits, '.', '_' and '-', a letter or digit first" command
	local image=$work/kernel

	refuse 1 mount "no such command $HINT" disk mount a
	refuse 1 attach "no such command $HINT" attach a b
	refuse 1 create "no such command $HINT" disk create a
	refuse 1 disks "no such command $HINT" disks
	refuse 1 mount "no such command $HINT" help disk mount
	refuse 1 b "unexpected word (see domctl disk list help)" disk list a b
	refuse 1 --force "unknown option $HINT" disk list --force
	for command in attach detach resize set; do
		refuse 1 DOMAIN "is missing (see domctl disk $command help)" disk $command
		refuse 1 name "'a/b' $rule" disk $command a/b x
		[[ $command == attach ]] && continue
		refuse 1 NAME "is missing (see domctl disk $command help)" disk $command a
		refuse 1 "disk name" "'a/b' $rule" disk $command a a/b
		refuse 1 "disk name" "is empty" disk $command a ""
		refuse 1 "disk name" "is longer than 31 bytes" disk $command a "$(printf %032d 0)"
	done
	refuse 1 FILE "is missing (see domctl disk attach help)" disk attach a
	refuse 1 c "unexpected word (see domctl disk attach help)" disk attach a "$image" c
	refuse 1 --name "needs a value: NAME" disk attach a "$image" --name
	refuse 1 --readonly=yes "takes no value" disk attach a "$image" --readonly=yes
	refuse 1 --force=yes "takes no value" disk attach a "$image" --force=yes
	refuse 1 disk "direct and buffered exclude each other" \
		disk attach a "$image" --direct --buffered
	refuse 1 queues "0 is not in 1 to 16" disk attach a "$image" --queues 0
	refuse 1 queue-size "48 is no power of two" disk attach a "$image" --queue-size 48
	refuse 1 serial "is longer than 20 bytes" disk attach a "$image" --serial "$(printf %021d 0)"
	refuse 1 rate "'fast' is not a size (as 512M or 2G)" disk attach a "$image" --rate fast
	refuse 1 timeout "86401 is not in 0 to 86400" disk detach a b --timeout 86401
	refuse 1 c "unexpected word (see domctl disk detach help)" disk detach a b c
	refuse 1 size "'big' is not a size (as 512M or 2G)" disk resize a b big
	refuse 1 size "0 is no size of a disk" disk resize a b 0
	refuse 1 size "8388608T is no size of a disk" disk resize a b 8388608T
	refuse 1 size "1025 is no multiple of 512" disk resize a b 1025
	refuse 1 d "unexpected word (see domctl disk resize help)" disk resize a b 1M d
	refuse 1 set "nothing to change (see domctl disk set help)" disk set a b
	refuse 1 ops "'-1' is not a number" disk set a b --ops -1
	refuse 1 burst "60001 is not in 0 to 60000" disk set a b --burst 60001
	refuse 1 --queues "unknown option $HINT" disk set a b --queues 1
	refuse 1 --force "unknown option $HINT" disk set a b --rate 1 --force
	refuse 1 --force "unknown option $HINT" create a -k "$image" --force
	config 3 "force: 'on' is neither yes nor no" "[disk a]" "file = a" "force = on"
}

test_vcpu() {
	local rule="must be letters, digits, '.', '_' and '-', a letter or digit first" command
	local value

	says '^Usage: domctl .* vcpu COMMAND' vcpu help
	for command in list pin set up down; do
		says "^Usage: domctl .* vcpu $command" help vcpu $command
		says "^Usage: domctl .* vcpu $command" vcpu $command --help
		refuse 1 NAME "is missing (see domctl vcpu $command help)" vcpu $command
	done
	refuse 1 name "'a/b' $rule" vcpu list a/b
	refuse 1 name "'a/b' $rule" vcpu pin a/b 0 0
	refuse 1 NAME "is missing (see domctl vcpu list help)" vcpu
	refuse 1 plug "no such command $HINT" vcpu plug a
	refuse 1 b "unexpected word (see domctl vcpu list help)" vcpu list a b
	refuse 1 VCPU "is missing (see domctl vcpu pin help)" vcpu pin a
	refuse 1 CPUS "is missing (see domctl vcpu pin help)" vcpu pin a 0
	refuse 1 b "unexpected word (see domctl vcpu pin help)" vcpu pin a 0 0 b
	refuse 1 --all "unknown option $HINT" vcpu pin a 0 --all
	refuse 1 vcpu "'' is not a number" vcpu pin a "" 0
	refuse 1 vcpu "'-1' is not a number" vcpu pin a -- -1 0
	refuse 1 vcpu "64 is not in 0 to 63" vcpu pin a 64 0
	refuse 1 cpus "is empty" vcpu pin a 0 ""
	refuse 1 cpus "'none' is not a number" vcpu pin a 0 none
	refuse 1 cpus "'' is not a number" vcpu pin a 0 0,
	refuse 1 cpus "8192 is not in 0 to 8191" vcpu pin a 0 8192
	refuse 2 cpus "this host has no CPU 8191, or it is offline (online: $(cat \
		/sys/devices/system/cpu/online))" vcpu pin a 0 0,8191
	refuse 1 VCPU "is missing (see domctl vcpu set help)" vcpu set a
	refuse 1 set "nothing to change (see domctl vcpu set help)" vcpu set a 0
	refuse 1 b "unexpected word (see domctl vcpu set help)" vcpu set a 0 b --affinity 0
	refuse 1 --affinity "needs a value: CPUS" vcpu set a 0 --affinity
	refuse 1 --soft-affinity "needs a value: CPUS" vcpu set a 0 --soft-affinity
	refuse 1 soft-affinity "is empty" vcpu set a 0 --soft-affinity ""
	refuse 1 soft-affinity "'0+1' is not a number" vcpu set a 0 --soft-affinity 0+1
	refuse 1 soft-affinity "1-0 ends before it begins" vcpu set a 0 --soft-affinity 1-0
	refuse 1 cpus "is empty" vcpu set a 0 --soft-affinity 0 --affinity ""
	refuse 1 vcpu "64 is not in 0 to 63" vcpu set a 64 --soft-affinity none
	refuse 1 cpus "is empty" vcpu set a 0 --affinity ""
	refuse 1 vcpu "64 is not in 0 to 63" vcpu set a 64 --affinity 0
	refuse 1 cpus "'none' is not a number" vcpu set a 0 --affinity none
	for command in up down; do
		refuse 1 VCPU "is missing (see domctl vcpu $command help)" vcpu $command a
		refuse 1 name "'a/b' $rule" vcpu $command a/b 0
		refuse 1 2 "unexpected word (see domctl vcpu $command help)" vcpu $command a 1 2
		refuse 1 --force "unknown option $HINT" vcpu $command a 1 --force
		refuse 1 vcpu "is empty" vcpu $command a ""
		refuse 1 vcpu "'' is not a number" vcpu $command a 1,
		refuse 1 vcpu "'all' is not a number" vcpu $command a all
		refuse 1 vcpu "'' is not a number" vcpu $command a -- 0,-1
		refuse 1 vcpu "3-2 ends before it begins" vcpu $command a 3-2
		refuse 1 vcpu "64 is not in 0 to 63" vcpu $command a 1-64
		refuse 1 vcpu "8192 is not in 0 to 8191" vcpu $command a 8192
		refuse 1 timeout "'x' is not a number" vcpu $command a 1 --timeout x
		refuse 1 timeout "86401 is not in 0 to 86400" vcpu $command a 1 --timeout 86401
	done
	for value in 0 65 4294967297; do
		refuse 1 vcpus "$value is not in 1 to 64" set a --vcpus $value
		wrong max-vcpus "$value is not in 1 to 64" --max-vcpus $value
	done
	for value in "" x -1 1-2 0x2; do
		refuse 1 vcpus "'$value' is not a number" set a -c "$value"
		wrong max-vcpus "'$value' is not a number" --max-vcpus "$value"
	done
	refuse 1 set "nothing to change (see domctl set help)" set a --timeout 5
	refuse 1 timeout "86401 is not in 0 to 86400" set a --vcpus 1 --timeout 86401
	wrong vcpus "8 is more than --max-vcpus (4)" --vcpus 8 --max-vcpus 4
	refuse 3 kernel "$work/none: No such file or directory" create a -k "$work/none" \
		--max-vcpus 4
	config 2 "max-vcpus: 65 is not in 1 to 64" "[domain]" "max-vcpus = 65"
	config 3 "max-vcpus: is there already, in line 2" "[domain]" "max-vcpus = 2" "max-vcpus = 2"
	config 2 "max-vcpus: no such key in [disk NAME]" "[disk a]" "max-vcpus = 2"
	printf '[domain]\nkernel = none\nmax-vcpus = 2\nvcpus = 1\n' > "$work/web.conf"
	refuse 1 vcpus "3 is more than --max-vcpus (2)" create -f "$work/web.conf" --vcpus 3
}

test_limits() {
	local value

	says '^Usage: domctl .* set NAME' set help
	says '^Usage: domctl .* set NAME' help set
	refuse 1 NAME "is missing (see domctl set help)" set
	refuse 1 NAME "is missing (see domctl set help)" set --weight 5
	refuse 1 b "unexpected word (see domctl set help)" set a b --weight 5
	refuse 1 set "nothing to change (see domctl set help)" set a
	refuse 1 --weight "needs a value: W" set a --weight
	refuse 1 --memory "needs a value: SIZE" set a --memory
	for value in 0 10001 18446744073709551616; do
		refuse 1 weight "$value is not in 1 to 10000" set a --weight $value
		wrong weight "$value is not in 1 to 10000" --weight $value
	done
	for value in "" x -1 1.5 5% " 5" 0x5; do
		refuse 1 weight "'$value' is not a number" set a --weight "$value"
	done
	for value in 0 6401 4294967295 18446744073709551616; do
		refuse 1 cap "$value is not in 1 to 6400" set a --cap $value
		wrong cap "$value is not in 1 to 6400" --cap $value%
	done
	for value in x -1 1.5 " 5" None "5 "; do
		refuse 1 cap "'$value' is not a number" set a --cap "$value"
	done
	for value in "" % 00000000000000000000000000000000; do
		refuse 1 cap "'$value' is no percentage of a CPU (as 30%), nor none" set a --cap "$value"
	done
	refuse 1 weight "0 is not in 1 to 10000" set a --cap 5 --weight 0
	config 2 "weight: 0 is not in 1 to 10000" "[domain]" "weight = 0"
	config 3 "cap: 9999 is not in 1 to 6400" "[domain]" "weight = 5" "cap = 9999%"
	config 3 "weight: no such key in [net NAME]" "[net a]" "host = yes" "weight = 5"
}

test_memory() {
	local size="is not a size (as 512M or 2G)"

	for value in "" x -1 1.5M "1 M" " 1M" nonesuch; do
		refuse 1 memory "'$value' $size" set a --memory "$value"
		refuse 1 memory-limit "'$value' $size" set a --memory-limit "$value"
		wrong memory-limit "'$value' $size" --memory-limit "$value"
		wrong max-memory "'$value' $size" --max-memory "$value"
	done
	for value in 0 4096 512K 5T; do
		refuse 1 memory-limit "$value is not in 1M to 4T" set a --memory-limit $value
		wrong memory-limit "$value is not in 1M to 4T" --memory-limit $value
	done
	refuse 1 memory "512K is not in 1M to 4T" set a --memory 512K
	refuse 1 memory "1048577 is no multiple of 4K" set a --memory 1048577
	refuse 1 memory "99999999999T is too large" set a --memory 99999999999T
	refuse 1 memory-limit "1048577 is no multiple of 4K" set a --memory-limit 1048577
	refuse 1 weight "0 is not in 1 to 10000" set a --memory 8M --weight 0
	wrong max-memory "5T is not in 1M to 4T" --max-memory 5T
	wrong max-memory "1048577 is no multiple of 4K" --max-memory 1048577
	wrong memory "8M is more than --max-memory (4M)" --memory 8M --max-memory 4M
	wrong max-memory "takes a balloon, which the domain has not" --memory 4M --max-memory 8M \
		--balloon none
	wrong hugetlb "'4K' is neither 2M nor 1G" --hugetlb 4K
	wrong hugetlb "'' is neither 2M nor 1G" --hugetlb ""
	wrong thp "'yes' is neither always nor never" --thp yes
	wrong thp "--hugetlb has pages of its own" --hugetlb 2M --thp never
	wrong ksm "pages of --hugetlb are never merged" --hugetlb 2M --ksm
	wrong memory "3M is no multiple of 2M (--hugetlb)" --hugetlb 2M --memory 3M
	wrong memory "256M is no multiple of 1G (--hugetlb)" --hugetlb 1G
	wrong max-memory "pages of --hugetlb are not given back, so that memory cannot be less" \
		--hugetlb 2M --memory 4M --max-memory 8M
	wrong numa-node "is empty" --numa-node ""
	wrong numa-node "'x' is not a number" --numa-node x
	wrong numa-node "2-1 ends before it begins" --numa-node 2-1
	config 2 "hugetlb: '4K' is neither 2M nor 1G" "[domain]" "hugetlb = 4K"
	config 2 "ksm: 'maybe' is neither yes nor no" "[domain]" "ksm = maybe"
	config 3 "memory-limit: 0 is not in 1M to 4T" "[domain]" "ksm = yes" "memory-limit = 0"
	config 3 "max-memory: no such key in [net NAME]" "[net a]" "host = yes" "max-memory = 5M"
}

test_small() {
	local rule="must be letters, digits, '.', '_' and '-', a letter or digit first" many i
	local size="is not a size (as 512M or 2G)"

	says '^Usage: domctl .* port COMMAND' port help
	for command in attach detach list set; do
		says "^Usage: domctl .* port $command" help port $command
		says "^Usage: domctl .* port $command" port $command --help
	done
	says '^Usage: domctl .* balloon NAME' balloon help
	refuse 1 mount "no such command $HINT" port mount a
	refuse 1 DOMAIN "is missing (see domctl port attach help)" port attach
	refuse 1 NAME "is missing (see domctl port attach help)" port attach a
	refuse 1 PATH "is missing (see domctl port attach help)" port attach a b
	refuse 1 d "unexpected word (see domctl port attach help)" port attach a b c d
	refuse 1 --force "unknown option $HINT" port attach a b c --force
	refuse 1 rate "'x' is not a size (as 512M or 2G)" port attach a b c --rate x
	refuse 1 set "nothing to change (see domctl port set help)" port set a b
	refuse 1 NAME "is missing (see domctl port set help)" port set a --rate 1M
	refuse 1 c "unexpected word (see domctl port set help)" port set a b c --rate 1M
	refuse 1 name "'a/b' $rule" port attach a/b b c
	refuse 1 "port name" "'a/b' $rule" port attach a a/b c
	refuse 1 "port name" "is longer than 31 bytes" port attach a "$(printf %032d 0)" c
	refuse 1 "port path" "is empty" port attach a b ""
	refuse 1 "port path" "is longer than 107 bytes" port attach a b "/$(printf %0107d 0)"
	refuse 1 NAME "is missing (see domctl port detach help)" port detach a
	refuse 1 c "unexpected word (see domctl port detach help)" port detach a b c
	refuse 1 b "unexpected word (see domctl port list help)" port list a b
	refuse 1 NAME "is missing (see domctl balloon help)" balloon
	refuse 1 c "unexpected word (see domctl balloon help)" balloon a 1M c
	refuse 1 size "'big' $size" balloon a big
	refuse 1 size "0 is not in 1M to 4T" balloon a 0
	refuse 1 size "1048575 is not in 1M to 4T" balloon a 1048575
	refuse 1 size "1048577 is no multiple of 4K" balloon a 1048577
	wrong rng "'' is neither none, rate=BYTES nor burst=MS" --rng ""
	wrong rng "'none' is neither none, rate=BYTES nor burst=MS" --rng rate=1M,none
	wrong rng "'ops=1' is neither none, rate=BYTES nor burst=MS" --rng ops=1
	wrong rate "'' $size" --rng rate=
	wrong balloon "'' is neither none, plain nor reporting" --balloon ""
	wrong port "'x' is not NAME=PATH" --port x
	wrong port "'' is not NAME=PATH" --port a=b,
	wrong "port name" "is longer than 31 bytes" --port "$(printf %032d 0)=x"
	wrong port "'a' is given twice" --port a=x --port a=y
	for ((i = 0; i < 15; i++)); do
		many+=,p$i=/p$i
	done
	wrong port "a domain is made with 14 ports at most" --port "${many:1}"
	wrong vsock "'' is not a number" --vsock ""
	wrong vsock "2 is not in 3 to 4294967294" --vsock 2
	wrong vsock "4294967295 is not in 3 to 4294967294" --vsock 4294967295
	wrong name "'rng0' is that of another device" --rng rate=1M --disk x,name=rng0
	wrong name "'console0' is that of another device" --terminal --disk x,name=console0
	config 2 "port: 'x' is not NAME=PATH" "[domain]" "port = x"
	config 2 "port path: is longer than 107 bytes" "[domain]" "port = x=$(printf %0100d 0)"
	config 2 "terminal: 'on' is neither yes nor no" "[domain]" "terminal = on"
	config 2 "rng: 'yes' is neither none, rate=BYTES nor burst=MS" "[domain]" "rng = yes"
	config 2 "balloon: 'no' is neither none, plain nor reporting" "[domain]" "balloon = no"
	config 2 "vsock: 'any' is not a number" "[domain]" "vsock = any"
}

# A file's refusal: config LINE-NUMBER WHAT-AND-WHY LINE...
config() {
	local line=$1 why=$2
	shift 2
	printf '%s\n' "$@" > "$work/web.conf"
	refuse 1 "$work/web.conf:$line" "$why" create -f "$work/web.conf"
}

test_config() {
	local size="is not a size (as 512M or 2G)" many=() i

	config 1 "kernel: stands before the first section" "kernel = x"
	config 2 "memory: '1X' $size" "[domain]" "memory = 1X"
	config 3 "memory: 512K is not in 1M to 4T" "[domain]" "kernel = x" "memory = 512K"
	config 2 "vcpus: 65 is not in 1 to 64" "[domain]" "vcpus = 65"
	config 2 "append: is longer than 4095 bytes" "[domain]" "append = $(printf %04096d 0)"
	config 2 "name: 'a b' must be letters, digits, '.', '_' and '-', a letter or digit first" \
		"[domain]" "name = a b"
	config 2 "kernle: no such key in [domain]" "[domain]" "kernle = x"
	config 2 "-k: no such key in [domain]" "[domain]" "-k = x"
	config 2 "disk: no such key in [domain]" "[domain]" "disk = x"
	config 2 "file: no such key in [domain]" "[domain]" "file = x"
	config 2 "json: no such key in [domain]" "[domain]" "json = yes"
	config 2 "wait: 'true' is neither yes nor no" "[domain]" "wait = true"
	config 3 "create: --console, --detach and --wait exclude each other" \
		"[domain]" "wait = yes" "detach = yes"
	config 2 "escape: 'ab' is neither ^X, a character, nor none" "[domain]" "escape = ab"
	config 1 "file: is missing in [disk a]" "[disk a]"
	config 1 "file: is missing in [disk a]" "[disk a]" "queues = 1" "[domain]" "vcpus = 0"
	config 3 "file: is missing in [disk b]" "[disk a]" "file = x" "[disk b]" "readonly = yes"
	config 2 "name: no such key in [disk NAME]" "[disk a]" "name = b"
	config 2 "kernel: no such key in [disk NAME]" "[disk a]" "kernel = b"
	config 3 "readonly: '1' is neither yes nor no" "[disk a]" "file = b" "readonly = 1"
	config 3 "queues: 99 is not in 1 to 16" "[disk a]" "file = b" "queues = 99"
	config 4 "disk: direct and buffered exclude each other" \
		"[disk a]" "file = b" "direct = yes" "buffered = yes"
	config 4 "file: is there already, in line 2" "[disk a]" "file = b" "" "file = c"
	for ((i = 0; i < 65; i++)); do
		many+=("[disk d$i]" "file = x")
	done
	config 129 "disk: a domain has at most 64 devices" "${many[@]}"

	refuse 3 "$work/none.conf" "No such file or directory" create -f "$work/none.conf"
	refuse 2 "$work" "is a directory" create -f "$work"
	printf '[domain]\nkernel = none\nmemory = 8M\nno' > "$work/web.conf"
	refuse 1 "$work/web.conf:4" "line: is neither [SECTION] nor KEY = VALUE" \
		create -f "$work/web.conf"
	printf '[domain]\nkernel = none\nmemory = 8M\nwait=yes\n[disk a]\nfile = x' \
		> "$work/web.conf"
	refuse 3 kernel "$work/none: No such file or directory" create -f "$work/web.conf"
	refuse 3 kernel "none: No such file or directory" create -f "$work/web.conf" -k none
	refuse 3 kernel "$work/none: No such file or directory" create -f "$work/web.conf" --console
	refuse 1 create "--console, --detach and --wait exclude each other" \
		create -f "$work/web.conf" --console --detach
	refuse 1 memory "'x' $size" create -f "$work/web.conf" --memory x
	refuse 1 "disk name" "'b' is given twice" create -f "$work/web.conf" \
		--disk x,name=b --disk y,name=b
	refuse 3 kernel "$work/none: No such file or directory" create -f "$work/web.conf" \
		--disk y,name=a
	refuse 1 --file "is given twice" create -f "$work/web.conf" -f "$work/web.conf"
	cp "$work/web.conf" "$work/a b.conf"
	refuse 1 name "'a b' must be letters, digits, '.', '_' and '-', a letter or digit first" \
		create -f "$work/a b.conf"
	refuse 3 kernel "$work/none: No such file or directory" create web -f "$work/a b.conf"
	(cd "$work" && [[ $("$DOMCTL" create -f web.conf 2>&1) == \
		"Error: kernel: none: No such file or directory" ]])
	result $? "paths are beside the file, wherever it is named from"
}

# 4.

test_files() {
	refuse 3 kernel "$work/none: No such file or directory" create a -k "$work/none"
	refuse 3 initrd "$work/none: No such file or directory" \
		create a -k "$work/kernel" -i "$work/none"
	refuse 2 kernel "$work/kernel/x: Not a directory" create a -k "$work/kernel/x"
	if [[ $EUID -ne 0 ]]; then
		: > "$work/secret"
		chmod 0 "$work/secret"
		refuse 2 kernel "$work/secret: Permission denied" create a -k "$work/secret"
	fi
}

# 5.

# json STATUS WHAT WHY ARGUMENT...
json() {
	local expected=$1
	local line="{\"error\":{\"what\":\"$2\",\"why\":\"$3\",\"status\":$1}}"
	shift 3
	run "$DOMCTL" "$@"
	[[ $status -eq $expected && $out == "$line" && -z $err ]]
	result $? "$line"
}

test_json() {
	json 1 lst "no such command (see domctl help)" -j lst
	json 1 -x "unknown option (see domctl help)" list -x -j
	json 1 -x "unknown option (see domctl help)" list -x --json
	json 1 -x "unknown option (see domctl help)" list -jx
	json 1 name "is empty" -j show ""
	json 1 NAME "is missing (see domctl show help)" show -j
	json 3 kernel "/none\\\\\\\"\\u0001: No such file or directory" \
		-j create a -k $'/none\\"\001'
	run "$DOMCTL" -p lst
	[[ $status -eq 1 && $out == *$'\n    "error": {\n'* && -z $err ]]
	result $? "-p: errors with line breaks"
	refuse 3 kernel "/?[31m: No such file or directory" create a -k $'/\033[31m'
	run "$DOMCTL" -j version
	[[ $status -eq 0 && $out == '{"domctl":"'* ]]
	result $? "-j version"
}

# 6.

test_absent() {
	local why="domus is not loaded (modprobe domus)"

	loaded && return
	refuse 2 module "$why"
	refuse 2 module "$why" list
	refuse 2 module "$why" domain list
	refuse 2 module "$why" show a
	refuse 2 module "$why" console a
	refuse 2 module "$why" destroy a
	refuse 2 module "$why" disk
	refuse 2 module "$why" disk list a
	refuse 2 module "$why" disk attach a "$work/kernel"
	refuse 2 module "$why" disk detach a b
	json 2 module "$why" disk -j
	refuse 2 module "$why" net
	refuse 2 module "$why" net attach a --host
	refuse 2 module "$why" net detach a b
	refuse 2 module "$why" set a --weight 5 --cap none
	refuse 2 module "$why" vcpu list a
	refuse 2 module "$why" vcpu pin a 0 all
	refuse 2 module "$why" vcpu set a 0 --affinity all
	refuse 2 module "$why" vcpu set a 0 --soft-affinity none
	refuse 2 module "$why" vcpu up a 1-3,5
	refuse 2 module "$why" set a --vcpus 3
	refuse 2 module "$why" create a -k "$work/kernel"
	refuse 2 module "$why" create a -k "$work/kernel" --wait
	json 2 module "$why" -j
	says "Module: not loaded" version
	says '"module_loaded":false' version -j
	[[ -z $(find "$work" -name '*.sock') ]] && ! pgrep -f "create a -k $work" > /dev/null
	result $? "nothing is left behind"
}

# 7.

# The names of an enum of the header, without the prefix, as a spec writes them.
header_names() {
	sed -n "/^enum $1 {/,/^};/p" uapi/linux/domus.h |
		sed -n "s/^\t$2\([A-Z_0-9]*\).*/\1/p" | grep -v -x UNSPEC | tr 'A-Z_' 'a-z-'
}

# The names of the attributes of a set of the spec.
spec_attributes() {
	awk -v set="$1" '/^[a-z]/ { part = $1 }
		part == "attribute-sets:" && /^    name: / { inside = $2 == set }
		part == "attribute-sets:" && inside && /^        name: / { print $2 }' uapi/domus.yaml
}

test_spec() {
	local set
	for set in domus slot vcpu exit regs dev queue port counter; do
		local enum=domus_attr_$set prefix=DOMUS_A_${set^^}_
		[[ $set == domus ]] && enum=domus_attr prefix=DOMUS_A_
		[[ $(header_names "$enum" "$prefix") == $(spec_attributes $set) ]]
		result $? "uapi/domus.yaml: attributes of $set"
	done
	[[ $(header_names domus_cmd DOMUS_CMD_) == \
	   $(awk '/^operations:/ { inside = 1 } inside && /^      name: / { print $2 }' \
		uapi/domus.yaml | grep -v -x events) ]]
	result $? "uapi/domus.yaml: commands"
}

# 8.

# Any words in any order: never a crash, never another status than the documented.
test_random() {
	local words=(-j -p -s -d -jp -x -- --json --memory --memory=1M --vcpus 0 64 -m -c --wait
		     --detach --console --escape ^A none list show create console destroy pause unpause --paused
		     domain port vcpu pin 0-1 all set --weight 5 --cap 30% balloon --port a=b --rng none --balloon --terminal --vsock disk attach detach resize set --disk -f --readonly --rate version help "" a a/b --kernel "$work/kernel" /none 1M 99999999999999T
		     --append "x y" --log --timeout --max-reboots --force -h)
	local i n arguments bad=0

	RANDOM=1
	for ((i = 0; i < 400; i++)); do
		arguments=()
		for ((n = RANDOM % 7; n >= 0; n--)); do
			arguments+=("${words[RANDOM % ${#words[@]}]}")
		done
		# One that finds everything right would wait for a domain.
		loaded && [[ " ${arguments[*]} " == *" create "* ]] && continue
		run timeout 20 "$DOMCTL" "${arguments[@]}"
		if [[ $status -gt 3 || $err == *Sanitizer* || $(wc -l < "$work/err") -gt 3 ]]; then
			bad=1
			printf "# domctl%s\n# status %d\n" "$(printf " '%s'" "${arguments[@]}")" "$status"
		fi
	done
	result $bad "400 random command lines"
}

echo "KTAP version 1"
test_help
test_usage
test_create
test_disk
test_net
test_config
test_small
test_limits
test_memory
test_vcpu
test_files
test_json
test_absent
test_spec
test_random
echo "1..$number"
exit $failed
