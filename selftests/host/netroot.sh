#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# netroot.sh: a Debian domain without a disk, whose root file system is the host's by
# NFS, as KTAP.
#
#   1. the host exports one
#   2. a domain boots from it, reads and writes there; with a program in place of systemd
# shellcheck disable=SC2086,SC2181
set -u
. /tests/host/common.sh
. /tests/host/netlib.sh
. /tests/host/deblib.sh
export=$HOST_ROOT/srv
nfs="nfsroot=10.213.0.1:/srv,vers=3,tcp"

serve() {
	host_root /dev/vdc && debian_disk /dev/vda one && mount -t ext4 /dev/vda $export &&
		mount -t nfsd nfsd $HOST_ROOT/proc/fs/nfsd
	result "a root file system on the host"
	{
		on_host rpcbind -w && on_host exportfs -o rw,no_root_squash,no_subtree_check,fsid=1 \
			10.213.0.0/16:/srv && on_host rpc.nfsd -V 3 -N 4 2 &&
			on_host rpc.mountd -N 4
	} > $DIR/out 2>&1 || { note "$(cat $DIR/out)"; false; }
	result "is exported by NFS"
}

no_server() {
	on_host exportfs -ua; on_host rpc.nfsd 0
	kill "$(pidof rpc.mountd)" "$(pidof rpcbind)"
	soon umount $export && soon umount $HOST_ROOT/proc/fs/nfsd
}

rc() {
	cat <<- 'END'
		#!/bin/sh
		mount -t proc proc /proc
		head -c 3000000 /dev/urandom > /root/data
		sync
		echo "root: $(findmnt -no SOURCE,FSTYPE / | tr -s ' ')"
		echo "read: $(sha256sum < /usr/bin/perl)"
		echo "written: $(sha256sum < /root/data)"
		echo o > /proc/sysrq-trigger
		exec sleep 100
	END
}

# answer WORD: what the domain said of it
answer() {
	tr -d '\r' < $DIR/light.log | sed -n "s/^$1: //p"
}

light() {
	rc > $export/root/rc && chmod +x $export/root/rc &&
		domctl create light --kernel /boot/bzImage --memory 256M --net host \
			--append "root=/dev/nfs $nfs rw console=hvc0 loglevel=6 init=/root/rc" \
			--log $DIR/light.log --wait --timeout $((120 * ${SLOW:-1})) > /dev/null
	result "a domain without a disk boots and powers off"
	[ "$(answer root)" = "10.213.0.1:/srv nfs" ]
	result "its root is the host's, by NFS"
	[ "$(answer read)" = "$(sha256sum < $export/usr/bin/perl)" ]
	result "what it read is what is there"
	[ "$(answer written)" = "$(sha256sum < $export/root/data)" ]
	result "what it wrote, too"
}

begin
serve
[ $failed -ne 0 ] || light
guests_well
result "the guest's kernel is well"
no_server && soon host_root_gone && net_left
result "nothing is left"
finish
