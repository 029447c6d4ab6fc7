#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nicrings.sh IMAGE [WORDS [OPTION...]]: runs a guest that maltreats a network interface
# (lib/wire.h), with another one beside it, and answers what it asks. WORDS are for its
# command line, OPTIONs for domctl.
# PRELOAD in the environment is a library for the holder.
. /tests/guest/asked.sh
# shellcheck disable=SC2034  # asked.sh's
preload=$PRELOAD
image=$1
words=$2
shift $(($# < 2 ? $# : 2))

# Counters of interface $1, and whether the host's end knows that there is a driver. This is
# asked often: no process is made for it.
stats() {
	dir=/sys/class/net/nic-$1
	all='' up=0
	for word in rx_packets rx_errors rx_dropped tx_packets tx_dropped; do
		read -r value < "$dir/statistics/$word"
		all="$all$value "
	done
	read -r value < "$dir/operstate"
	[ "$value" = up ] && read -r up < "$dir/carrier"
	echo "$all$up"
}

# Pages of the holder's that are counted as pinned
pinned() {
	holder=$(domctl -j show "$image" | tr ',{' '\n\n' | sed -n 's/.*"pid": *//p')
	awk '/^VmPin:/ { print $2 / 4 }' "/proc/$holder/status"
}

set_up() {
	link_up nic-v 10.9.8 02:00:00:00:00:0a && link_up nic-o 10.9.7 02:00:00:00:00:0b
}

answer() {
	case $1 in
	why) echo "$(because Net "$2" "$image")" ;;
	stats) stats "$2" ;;
	mac) cat "/sys/class/net/nic-$2/address" ;;
	link) $IP link set nic-v "$2" && { [ "$2" = down ] || set_up; }; echo ;;
	flood) flood "$2" 100; echo ;;
	pinned) pinned ;;
	esac
}

asked_by "why stats mac link flood pinned" "$image" --kernel "/tests/guest/$image" --memory 16M \
	--rng none --balloon none --append "$words" \
	--net manual,name=v,ifname=nic-v,mac=02:00:00:00:00:0a,queues=2,mtu=65535 \
	--net manual,name=o,ifname=nic-o,mac=02:00:00:00:00:0b "$@"
