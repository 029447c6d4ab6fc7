#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kvm.sh KERNEL INITRD WORD...: a guest of KVM's that measures, with QEMU, and what it costs
# the host.
. /tests/bench/talk.sh
kernel=$1 initrd=$2
shift 2

hear() {
	[ "$1-$2" = ask-memory ] || return
	echo "bench: memory $((before - $(free_memory))) $(resident "$(pidof qemu)")"
	echo "bench: offset $((0 - $(cat /sys/kernel/debug/kvm/*/vcpu0/tsc-offset)))"
}

[ -e /dev/kvm ] || exit 1
before=$(free_memory)
say created
talk qemu -accel kvm -cpu host -smp 1 -m 256 -M pc -L /firmware -no-user-config -nodefaults \
	-no-reboot -display none -serial stdio -kernel "$kernel" -initrd "$initrd" \
	-append "console=ttyS0 quiet nokaslr -- $*"
