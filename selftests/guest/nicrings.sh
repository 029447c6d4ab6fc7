#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nicrings.sh IMAGE [WORDS]: runs a guest that maltreats a network interface (lib/wire.h),
# with another one beside it, and answers what it asks. WORDS are for its command line.
#
# With iproute2's ip (/bin/ip): busybox prefers its own.
image=$1
words=$2
out=/tmp/nicrings.out
in=/tmp/nicrings.in
IP=/bin/ip
ping=

# What domctl shows as the reason for which interface $1 is broken.
reason() {
	domctl show "$image" | awk -v name="$1" '
		/^[A-Z]/ { mine = $1 == "Net:" && $2 == name }
		mine && sub(/^  Because: /, "") { print; exit }'
}

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

# No frames but those that the guest asks for.
set_up() {
	for name in v o; do
		net=10.9.8 mac=02:00:00:00:00:0a
		[ $name = o ] && net=10.9.7 mac=02:00:00:00:00:0b
		echo 1 > /proc/sys/net/ipv6/conf/nic-$name/disable_ipv6
		$IP link set nic-$name up && $IP addr replace $net.1/24 dev nic-$name &&
			$IP neigh replace $net.2 lladdr $mac dev nic-$name nud permanent
	done
}

answer() {
	case $1 in
	why) echo "$(reason "$2")" ;;
	stats) stats "$2" ;;
	mac) cat "/sys/class/net/nic-$2/address" ;;
	link) $IP link set nic-v "$2" && { [ "$2" = down ] || set_up; }; echo ;;
	flood)
		[ -z "$ping" ] || kill "$ping" 2> /dev/null
		ping=
		if [ "$2" != 0 ]; then
			ping -c "$2" -i 0.01 -W 1 -s 100 10.9.8.2 > /dev/null 2>&1 7>&- 8>&- &
			ping=$!
		fi
		echo
		;;
	esac
}

rm -f $in $out
mkfifo $in $out || exit 1
exec 7<> $in 8<> $out
{
	domctl create "$image" --kernel "/tests/guest/$image" --memory 16M --console \
		--rng none --balloon none --append "$words" \
		--net manual,name=v,ifname=nic-v,mac=02:00:00:00:00:0a,queues=2,mtu=65535 \
		--net manual,name=o,ifname=nic-o,mac=02:00:00:00:00:0b \
		< $in > $out 2> /tmp/nicrings.end 7>&- 8>&-
	status=$?
	echo "the end" >&8
	exit $status
} &
job=$!
while read -r line <&8; do
	case $line in
	"why "* | "stats "* | "mac "* | "link "* | "flood "*)
		# shellcheck disable=SC2086
		answer $line >&7
		;;
	"the end"*) break ;;
	*) echo "$line" ;;
	esac
done
wait $job
status=$?
cat /tmp/nicrings.end
rm -f $in $out /tmp/nicrings.end
exit $status
