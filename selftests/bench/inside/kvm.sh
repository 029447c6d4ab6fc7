#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kvm.sh rows|io KERNEL INITRD WORD...: a guest of KVM's that measures, with QEMU, and what it costs
# the host.
. /tests/bench/talk.sh
part=$1 kernel=$2 initrd=$3
shift 3
devices=

hear() {
	[ "$1-$2" = ask-memory ] || return
	echo "bench: memory $((before - $(free_memory))) $(resident "$(pidof qemu)")"
	echo "bench: offset $((0 - $(cat /sys/kernel/debug/kvm/*/vcpu0/tsc-offset)))"
}

# guest WORD...
guest() {
	# shellcheck disable=SC2086
	talk qemu -accel kvm -cpu host -smp 1 -m 256 -M pc -L /firmware -no-user-config \
		-nodefaults -no-reboot -display none -serial stdio -kernel "$kernel" \
		-initrd "$initrd" -append "console=ttyS0 quiet nokaslr -- $*" $devices
}

[ -e /dev/kvm ] || exit 1
# what the first guest of all leaves behind is not one guest's
guest row=none > /dev/null || exit 1
if [ "$part" = io ]; then
	tunctl -t tap0 > /dev/null && ifconfig tap0 10.0.0.1 netmask 255.255.255.0 up || exit 1
	$ROWS serve || exit 1
	devices="-drive file=/dev/ram0,format=raw,if=none,id=disk,cache=none,aio=native
		-device virtio-blk-pci,drive=disk -device virtio-net-pci,netdev=net,romfile=
		-netdev tap,id=net,ifname=tap0,script=no,downscript=no,vhost=on"
fi
before=$(free_memory)
say created
guest "$@"
