#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# cost.sh [NAME LIMIT]...: "cost" on the host and, with the limits, in a domain.
# For --icount, where one tick is one instruction.
echo "# on the host:"
/tests/linux/cost | grep ticks | sed 's/^/# /' || exit 1
echo "# in a domain:"
/tests/rig/linux "cost $*"
