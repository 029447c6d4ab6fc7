#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# xen.sh rows|io LIBRARIES KERNEL INITRD WORD...: a PV guest of Xen's that measures, and what it
# costs the host, which is dom0 of it.
. /tests/bench/talk.sh
export LD_LIBRARY_PATH="$2" PATH=/usr/lib/xen-4.17/bin:$PATH
part=$1 kernel=$3 initrd=$4
shift 4

# Pages that Xen has to give, in kB: of all heaps of all nodes.
xen_free() {
	xl dmesg -c > /dev/null
	xl debug-keys H
	xl dmesg | sed -n 's/.*heap\[.*-> \([0-9]*\) pages.*/\1/p' |
		awk '{ sum += $1 } END { print sum * 4 }'
}

hear() {
	[ "$1-$2" = ask-memory ] || return
	xen_now=$(xen_free)
	now=$(free_memory)
	echo "# Xen: $xen_before kB, then $xen_now kB; dom0: $before kB, then $now kB"
	echo "bench: memory $((xen_before - xen_now + before - now)) 262144"
}

mkdir -p /var/log/xen /var/lib/xen /var/lib/xenstored /var/lock /etc/xen
ln -sfn /run /var/run
mkdir -p /run/xen /run/xenstored
mount -t xenfs xenfs /proc/xen || exit 1
xenstored --pid-file /run/xenstored.pid || exit 1
until xenstore-read -s / > /dev/null 2>&1; do :; done
xen-init-dom0 || exit 1
xenconsoled --pid-file=/run/xenconsoled.pid || exit 1
# dom0 keeps what it was given
echo 'autoballoon="0"' > /etc/xen/xl.conf

# guest WORDS: its configuration. With tsc_mode it has the host's clock.
guest() {
	cat > /etc/xen/guest <<-END
		name = "bench"
		type = "pv"
		kernel = "$kernel"
		ramdisk = "$initrd"
		extra = "console=hvc0 quiet nokaslr -- $*"
		memory = 256
		vcpus = 1
		tsc_mode = "native"
		on_poweroff = "destroy"
		on_crash = "destroy"
		on_reboot = "destroy"
	END
}

# what the first guest of all leaves behind is not one guest's
guest row=none
talk xl create -q -c /etc/xen/guest > /dev/null || exit 1
while pidof xl > /dev/null; do :; done
guest "$@"
if [ "$part" = io ]; then
	$ROWS serve || exit 1
	cat >> /etc/xen/guest <<-END
		disk = ["format=raw,vdev=xvda,access=rw,backendtype=phy,script=/tests/bench/xenplug.sh,target=/dev/ram0"]
		vif = ["script=/tests/bench/xenplug.sh,mac=00:16:3e:00:00:01"]
	END
fi
before=$(free_memory) xen_before=$(xen_free)
say created
# xl's own console takes no answers from what is no terminal
# shellcheck disable=SC2016
talk sh -c 'xl create -q /etc/xen/guest && exec xenconsole --interactive "$(xl domid bench)"'
