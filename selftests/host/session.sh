#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# session.sh: a person at the console of a Linux domain, as KTAP: see pty.c.
# shellcheck disable=SC2086,SC2181,SC2317
set -u
PTY=/tests/host/pty
. /tests/host/common.sh

# Of each answer the question, which the terminal echoes, shows but a part.
session() {
	$PTY "$@" > $DIR/out && return
	note "$(tail -c 1000 $DIR/out)"
	return 1
}

begin
[ -e /boot/bzImage ] || { echo "1..0 # SKIP needs the guest's kernel"; exit 4; }
session raw '?domus guest ready' '?# ' '=echo a$((6 * 7))b\r' ?a42b '?# ' '=\035' \
	'?Detached from tty' end -- domctl create tty --kernel /boot/bzImage \
	--initrd /boot/initrd.cpio --memory 128M --append "console=hvc0 quiet" --console
result "create --console: a shell, ^] detaches"
# The job itself says that it is in the foreground: ^C before would be the shell's.
session raw ?a42b "=sh -c 'echo e\$((6 * 9))f; exec sleep 1000'\\r" ?e54f '=\003' '?# ' \
	'=echo c$((6 * 8))d\r' ?c48d '=tty\r' '?/dev/hvc0' '=\035' end -- domctl console tty
result "console: the history, ^C ends a program, ^] detaches again"
# The shell takes what follows a command, up to 16 bytes, for another one.
{ printf 'cat > /tmp/much\r'; printf '\n%.0s' $(seq 16); seq 4000; printf '\004\035'; } |
	domctl console tty > /dev/null
sum=$(seq 4000 | md5sum)
session raw '?# ' "=[ \"\$(grep . /tmp/much | md5sum)\" = \"$sum\" ] && echo m\$((5 * 9))h\\r" \
	?m45h '=\035' end -- domctl console tty
result "more than the guest takes at once is not lost when its writer goes"
# Without a driver for the console nobody takes anything: more writers than there are places.
domctl create mute --kernel /tests/guest/puppet --memory 8M --append idle > /dev/null
for _ in $(seq 12); do
	{ seq 2000; printf '\035'; } | domctl console mute > /dev/null 2> $DIR/err ||
		note "$(cat $DIR/err)"
done
domctl vcpu set mute 0 --soft-affinity 0 > /dev/null && domctl destroy mute
result "writers to a guest that reads nothing do not keep others from its holder"
session raw ?m45h '=reboot -f\r' '?domus guest ready' '?# ' '=\035' end -- domctl console tty
result "reboot -f: it boots again, the console stays"
[ "$(domctl show tty -j | $JSON reboots)" = 1 ]
result "show counts the reboot"
session raw '?# ' '=echo c > /proc/sysrq-trigger\r' '?tty: guest crashed: Kernel panic' end -- \
	domctl console tty
result "a panic ends the session with its line"
is_state tty dead && domctl show tty > $DIR/show &&
	grep -q '^Because: guest crashed: Kernel panic - not syncing: sysrq triggered crash' \
		$DIR/show && grep -q '^  rip: 0xffffffff8' $DIR/show
result "show tells the panic and the registers"
domctl list | grep -q '^tty .*dead.* crash$'
result "list tells of the crash"
domctl destroy tty && nothing_left
result "nothing is left"
finish
