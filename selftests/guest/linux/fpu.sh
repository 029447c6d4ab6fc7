#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# fpu.sh [ROUNDS]: "fpu" in two domains and on the host, all at the same time.
# On the host it is repeated, with less weight, until both domains are done.
rounds=${1:-3}
busy=/tmp/fpu-busy
limit=$((100 + rounds * 10))
seconds() { cut -d . -f 1 /proc/uptime; }
end=$(($(seconds) + (limit + 20) * ${SLOW:-1}))
: > $busy
: > /tmp/fpu-count
while [ -e $busy ] && [ "$(seconds)" -lt $end ]; do
	/tests/linux/fpu > /tmp/fpu-host 2>&1 || exit
	echo . >> /tmp/fpu-count
done &
host=$!
renice -n 5 -p $host > /dev/null || exit 1
/tests/rig/linux --timeout $limit "fpu $rounds" > /tmp/fpu-first 2>&1 &
first=$!
/tests/rig/linux --timeout $limit "fpu $rounds" > /tmp/fpu-second 2>&1
second=$?
wait $first
first=$?
rm $busy
wait $host
host=$?
cat /tmp/fpu-first
[ $second -eq 0 ] || cat /tmp/fpu-second
[ $host -eq 0 ] || cat /tmp/fpu-host
echo "# $(wc -l < /tmp/fpu-count) times on the host"
[ "$first$second$host" = 000 ]
