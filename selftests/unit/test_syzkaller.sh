#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_syzkaller.sh: the description for syzkaller has all that the module takes, and nothing
# that there is not, as KTAP. (Its own compiler is not at hand here.)
set -u
cd "$(dirname "$0")/../.." || exit 1

rerun="selftests/unit/run test_syzkaller.sh"
. selftests/unit/results.sh

text=selftests/fuzz/syzkaller/domus.txt
header=uapi/linux/domus.h

# none NAME: what is on stdin is missing
none() {
	local missing
	missing=$(cat)
	[[ -z $missing ]]
	result $? "$1${missing:+: ${missing//$'\n'/ }}"
}

# words FILE: that begin with DOMUS_
words() {
	grep -v '^# ' "$1" | grep -o '\bDOMUS_[A-Z0-9_]*' | sort -u
}

# defined: types, resources and sets of values
defined() {
	sed -n 's/^\(type\|resource\) \([a-z_]*\)\[.*/\2/p; s/^\([a-z_]*\) [[{]$/\1/p; s/^\([a-z_]*\) = .*/\1/p' \
		$text | sort -u
}

echo "KTAP version 1"
none "every constant is one of the header's" < <(comm -23 <(words $text) <(words $header))
none "every command is there" < <(comm -23 \
	<(grep -o '\bDOMUS_CMD_[A-Z_]*,' $header | tr -d , | grep -v -e _UNSPEC -e _NTF | sort -u) \
	<(sed -n 's/^sendmsg\$\([A-Z_]*\)(.*/\1/p' $text | sort -u))
none "every ioctl is there" < <(comm -23 \
	<(sed -n 's/^#define \(DOMUS_IOC_[A-Z]*\)\t.*/\1/p' $header | sort -u) \
	<(sed -n 's/^ioctl\$\([A-Z_]*\)(.*/\1/p' $text | sort -u))
none "every attribute that a policy takes is there" < <(comm -23 \
	<(grep -ho '\[DOMUS_A_[A-Z0-9_]*\][[:space:]]*= *\(NLA\|POLICY\|{ .type\)' kmod/control*.c |
		grep -o 'DOMUS_A_[A-Z0-9_]*' | sort -u) <(words $text))
none "every name is defined" < <(comm -23 \
	<(grep -v '^# ' $text |
		grep -o '\bdomus_[a-z_]*\|\bfd_domus\|\bmsghdr_domus\|\bgenl_domus_family_id' |
		sort -u) <(defined))
[[ $(grep -c '^domus_[a-z_]* \[$' $text) -eq $(grep -c '^] \[varlen\]$' $text) &&
   $(grep -c '^domus_[a-z_]* {$' $text) -eq $(grep -c '^}$' $text) ]]
result $? "every structure ends"
echo "1..$number"
exit $failed
