#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# build.sh - build the Linux guest: Debian's linux-source-6.1 + 6.1/series
#
# The result is cached outside the checkout, by the hash of everything that goes
# into it; the last line on stdout is its directory, with bzImage, vmlinux,
# config, System.map and modules/.
#
#   DOMUS_CACHE          cache (default: $XDG_CACHE_HOME/domus or ~/.cache/domus)
#   DOMUS_KERNEL_SOURCE  tarball (default: /usr/src/linux-source-6.1.tar.xz)
#   DOMUS_JOBS           parallel jobs (default: all CPUs)
#   DOMUS_KEEP=1         keep the source tree in the cache, for development
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
patches=$here/6.1
uapi=$here/../uapi/asm/domus_guest.h
tarball=${DOMUS_KERNEL_SOURCE:-/usr/src/linux-source-6.1.tar.xz}
cache=${DOMUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/domus}
jobs=${DOMUS_JOBS:-$(nproc)}

die() { echo "Error: $*" >&2; exit 1; }

[ -f "$tarball" ] || die "$tarball: not found; install linux-source-6.1"
[ -f "$uapi" ] || die "$uapi: not found; not a complete checkout"
for tool in gcc make flex bison bc xz lz4 patch; do
	command -v "$tool" >/dev/null || die "$tool: not found; install it"
done
[ -e /usr/include/libelf.h ] || die "libelf.h: not found; install libelf-dev"

source_id=$(dpkg-query -W -f '${Version}' linux-source-6.1 2>/dev/null || true)
[ -n "$source_id" ] || source_id=$(sha256sum < "$tarball" | cut -c1-64)
hash=$({ echo "$source_id"; gcc -dumpfullversion
	 cat "$patches/series" "$patches"/*.patch "$patches/domus.config" "$uapi" \
	     "$here/build.sh"; } | sha256sum | cut -c1-16)
out=$cache/guest-$hash

if [ -f "$out/bzImage" ]; then
	echo "$out"
	exit 0
fi

mkdir -p "$cache"
exec 9> "$cache/guest-$hash.lock"
flock 9				# two builds at once: the second finds the first's
if [ -f "$out/bzImage" ]; then
	echo "$out"
	exit 0
fi

# One line per step on a terminal or in a log, and the log itself on failure.
log=$cache/guest-$hash.log
step() { echo "guest: $* ($((SECONDS)) s)" >&2; }
: > "$log"
work=$cache/guest-$hash.build
trap 'rc=$?; if [ $rc != 0 ]; then tail -n 30 "$log" >&2
	echo "Error: guest kernel build failed; see $log" >&2; fi
	[ -n "${DOMUS_KEEP:-}" ] || rm -rf "$work"; exit $rc' EXIT

step "unpacking $(basename "$tarball")"
rm -rf "$work" "$out.tmp"
mkdir -p "$work" "$out.tmp"
# Only what no Makefile and no Kconfig of an x86 build names is left out.
tar -xf "$tarball" -C "$work" --strip-components=1 \
	--exclude='*/tools/testing/*' --exclude='*/arch/*/boot/dts/*' >> "$log" 2>&1
cd "$work"

step "applying $(grep -c . "$patches/series") patches"
while read -r p; do
	[ -n "$p" ] || continue
	patch -p1 --no-backup-if-mismatch -s < "$patches/$p" >> "$log" 2>&1
done < "$patches/series"
cp "$uapi" arch/x86/include/uapi/asm/domus_guest.h

export KBUILD_BUILD_USER=domus KBUILD_BUILD_HOST=domus
export KBUILD_BUILD_TIMESTAMP='2024-01-01 00:00:00 UTC'
cp "$patches/domus.config" .config
make olddefconfig >> "$log" 2>&1
grep -q '^CONFIG_DOMUS_GUEST=y' .config || { echo "CONFIG_DOMUS_GUEST is lost" >> "$log"; exit 1; }

step "compiling with $jobs jobs"
make -j"$jobs" bzImage modules >> "$log" 2>&1

step "installing"
cp .config "$out.tmp/config"
cp System.map vmlinux "$out.tmp/"
strip --strip-debug "$out.tmp/vmlinux"
make INSTALL_MOD_PATH="$out.tmp/root" INSTALL_MOD_STRIP=1 DEPMOD=true \
	modules_install >> "$log" 2>&1
mkdir -p "$out.tmp/modules"
find "$out.tmp/root" -name '*.ko' -exec cp -t "$out.tmp/modules" {} +
rm -rf "$out.tmp/root"
cp arch/x86/boot/bzImage "$out.tmp/bzImage"
rm -rf "$out"
mv "$out.tmp" "$out"
step "done"
echo "$out"
