#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# mkinitrd.sh OUT [FILE[:DEST]]... - a small initramfs around busybox
#
# FILE goes to DEST in the image (default: /bin/ for programs, /lib/modules/ for
# *.ko).  Its /init mounts what a shell wants, prints "domus guest ready", then
#   - runs the command given as run=... on the kernel command line (to the end
#     of the line, or quoted: run="a; b"), else /etc/rc, else a shell,
#   - and powers off; a command's exit status is shown as "domus guest exit N".
# The same image serves in a domain and on a (virtual) machine.
set -eu

if [ $# -lt 1 ]; then
	echo "usage: $0 OUT [FILE[:DEST]]..." >&2
	exit 1
fi
out=$1
shift
busybox=${BUSYBOX:-/bin/busybox}
if [ ! -x "$busybox" ]; then
	echo "Error: $busybox: not found; install busybox-static" >&2
	exit 1
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/bin" "$dir/sbin" "$dir/dev" "$dir/proc" "$dir/sys" "$dir/tmp" \
	"$dir/etc" "$dir/root" "$dir/mnt" "$dir/lib/modules"
cp "$busybox" "$dir/bin/busybox"
ln -s busybox "$dir/bin/sh"

for f in "$@"; do
	src=${f%%:*}
	dst=${f#"$src"}
	dst=${dst#:}
	if [ -z "$dst" ]; then
		case $src in
		*.ko) dst=/lib/modules/${src##*/} ;;
		*) dst=/bin/${src##*/} ;;
		esac
	fi
	mkdir -p "$dir/$(dirname "$dst")"
	cp "$src" "$dir/$dst"
done

cat > "$dir/init" <<'INIT'
#!/bin/sh
export PATH=/bin:/sbin HOME=/root TERM=linux
/bin/busybox --install -s /bin 2>/dev/null
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
ifconfig lo 127.0.0.1 up 2>/dev/null
hostname domus
# The terminal behind /dev/console, so that the shell has job control.
tty=$(cat /sys/class/tty/console/active)
tty=/dev/${tty##* }
echo "domus guest ready"
run=
cmdline=$(cat /proc/cmdline)
case " $cmdline" in
*" run="*)
	run=${cmdline#*run=}
	case $run in
	\"*) run=${run#\"}; run=${run%%\"*} ;;
	esac ;;
*\"run=*)
	run=${cmdline#*\"run=}; run=${run%%\"*} ;;
esac
cd /root
if [ -n "$run" ]; then
	sh -c "$run"
	echo "domus guest exit $?"
elif [ -x /etc/rc ]; then
	/etc/rc
	echo "domus guest exit $?"
else
	setsid sh -c "exec sh -l <$tty >$tty 2>&1"
fi
sync
poweroff -f
INIT
chmod 755 "$dir/init"

# Root can make these; without them the kernel's built-in /dev/console serves.
if [ "$(id -u)" = 0 ]; then
	mknod -m 600 "$dir/dev/console" c 5 1 || :
	mknod -m 666 "$dir/dev/null" c 1 3 || :
fi
tmp=$out.$$
(cd "$dir" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) |
	gzip -1 > "$tmp"
mv "$tmp" "$out"
