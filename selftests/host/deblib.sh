# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2086,SC2034
#
# deblib.sh: what tests with Debian share (selftests/rig/debian-root); common.sh comes
# first.
#
#   1. the host's Debian, for programs that the rig has not
#   2. domains with Debian
#   3. what somebody types at their console

HOST_ROOT=/host
MIRROR=/root/mirror

# ssh_client ROOT: ssh from there asks nothing; and while one with $KEPT runs, the
# others go through its connection: a login costs more than most tests.
ssh_client() {
	mkdir -p $1/root/.ssh && cp /root/.ssh/id_ed25519 $1/root/.ssh &&
		chmod 600 $1/root/.ssh/id_ed25519 &&
		printf '%s\n' "User root" "BatchMode yes" "StrictHostKeyChecking no" \
			"UserKnownHostsFile /dev/null" "LogLevel ERROR" \
			"ControlPath /run/ssh-%h" > $1/root/.ssh/config
}

# ---- 1. The host ----------------------------------------------------------------

# host_root DEVICE: the root file system for on_host
host_root() {
	mkdir -p $HOST_ROOT && mount -t ext4 $1 $HOST_ROOT &&
		mount -o bind /dev $HOST_ROOT/dev && mount -o bind /sys $HOST_ROOT/sys &&
		mount -t proc proc $HOST_ROOT/proc && mount -t tmpfs tmpfs $HOST_ROOT/run &&
		ssh_client $HOST_ROOT
}

# Nothing of it runs any more, or this fails, and may be tried again.
host_root_gone() {
	for mount in /run /proc /sys /dev ""; do
		! grep -q " $HOST_ROOT$mount " /proc/mounts || umount $HOST_ROOT$mount || return 1
	done
}

# on_host COMMAND...: Debian's program, in the host's namespaces
on_host() {
	chroot $HOST_ROOT /usr/bin/env -i HOME=/root LC_ALL=C \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# ---- 2. Domains -----------------------------------------------------------------

# debian_disk DEVICE NAME [PROGRAM]: the host of that name, with a key for others like it
debian_disk() {
	mount -t ext4 $1 /mnt && echo $2 > /mnt/etc/hostname && ssh_client /mnt &&
		{ [ ! "${3:-}" ] || cp "$3" /mnt/usr/local/bin/; } && umount /mnt
}

# debian_start NAME DEVICE APPEND OPTION...: from that disk
debian_start() {
	name=$1 disk=$2 append=$3
	shift 3
	domctl create $name --kernel /boot/bzImage --memory 256M --disk $disk \
		--append "root=/dev/vda rw console=hvc0 norandmaps $append" --log $DIR/$name.log \
		"$@" > /dev/null
}

# debian_ready NAME: it shows its login
debian_ready() {
	within 200 grep -q "^$1 login: " $DIR/$1.log && return
	note "$1: $(tail -n 30 $DIR/$1.log | tr -d '\r')"
	return 1
}

# A connection that is kept for what comes later, in an ssh's words.
KEPT="-fN -o ControlMaster=yes"

# ssh_ready ADDRESS: it answers there
ssh_ready() {
	within 60 on_host timeout $((60 * ${SLOW:-1})) ssh $KEPT $1 2> /dev/null
}

# ssh_over ADDRESS: nothing of ssh_ready's runs any more
ssh_over() {
	on_host ssh -O exit $1 2> /dev/null
	soon [ ! -e $HOST_ROOT/run/ssh-$1 ]
}

# in_debian ADDRESS COMMAND...: by ssh; its output and status
in_debian() {
	on_host timeout $((60 * ${SLOW:-1})) ssh "$@"
}

# ---- 3. The console ---------------------------------------------------------------

# session WORDS...: of pty. Of each answer the question, which the terminal echoes, shows
# but a part.
session() {
	/tests/host/pty "$@" > $DIR/out && return
	note "$(tail -c 3000 $DIR/out)"
	return 1
}

# answer QUESTION: in the last session
answer() {
	tr -d '\r' < $DIR/out | sed -n "s/^.*$1: //p" | tail -n 1
}
