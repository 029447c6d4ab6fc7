# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# env.sh: what every script of the rig agrees on.  Sourced, never run.
#
#   1. where things are kept (nothing that is built for the rig lands in the
#      checkout, apart from build/)
#   2. which Debian kernel is meant
#
# shellcheck disable=SC2034  # the variables are for those who source this

# 1. Places

RIG=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$RIG/../.." && pwd)
CACHE=${DOMUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/domus}
JOBS=${JOBS:-$(nproc)}
# some programs that anybody may run, such as mke2fs, are not in everybody's path
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$CACHE"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "Error: $*"; exit 1; }

# once FILE: the exclusive right to make FILE, waited for, held to the end of
# the (sub)shell.  Two make targets started together must not both unpack.
once() { exec {once_fd}>"$1.lock" && flock "$once_fd"; }

# 2. The kernel: $1 is stock or cloud.
#    KVER  6.1.0-NN-amd64 or 6.1.0-NN-cloud-amd64
#    KDIR  its headers
# The running kernel is preferred when it is one of Debian's 6.1 kernels, so
# that "make && make install" does what a person on a Debian host expects.

kernel_env() {
	local flavour=$1 suffix dir
	case $flavour in
	stock) suffix=amd64 ;;
	cloud) suffix=cloud-amd64 ;;
	*) die "no kernel flavour '$flavour' (stock, cloud, debug or kcsan)" ;;
	esac
	KVER=$(uname -r)
	KDIR=/lib/modules/$KVER/build
	if [[ $KVER =~ ^6\.1\.0-[0-9]+-$suffix$ && -e $KDIR/Makefile ]]; then
		return
	fi
	# The digit keeps "cloud-amd64" out of the list of the stock ones.
	dir=$(printf '%s\n' /usr/src/linux-headers-6.1.0-*[0-9]-"$suffix" |
	      sort -V | tail -n 1)
	[[ -e $dir/Makefile ]] ||
		die "no headers of a Debian 6.1 $suffix kernel: run 'make deps'"
	KDIR=$dir
	KVER=${dir##*/linux-headers-}
}
