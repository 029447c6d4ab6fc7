# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034  # read by who sources this
#
# results.sh, to be sourced by tests: results as KTAP. $rerun is the command that runs
# the test again.
number=0
failed=0

# result STATUS NAME
result() {
	local verdict=ok
	if [[ $1 -ne 0 ]]; then
		verdict="not ok"
		failed=1
		echo "# rerun: $rerun"
	fi
	number=$((number + 1))
	echo "$verdict $number - ${2//#/}"
}
