#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_install.sh: what "make install" puts where, and whether what is written about
# domctl (help, manual, completion) is complete, as KTAP.
#
#   1. the files, their modes, nothing else
#   2. commands and options: in the help, the manual and the completion
#   3. the completion of a command line
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
domctl=${DOMCTL:-$PWD/userspace/domctl/domctl}
rerun="selftests/unit/run test_install.sh"
. selftests/unit/results.sh

# 1.

commands() {
	"$domctl" help | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -v '^help$'
}

# What has commands of its own: a page for each, too.
objects() {
	"$domctl" help | sed -n '/^Objects/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -v '^domain$'
}

test_files() {
	local release version page said
	version=$(cat userspace/VERSION)
	said=$(make --no-print-directory install DESTDIR="$work/root" 2>&1 &&
	       make -s -C userspace install-dkms DESTDIR="$work/root" 2>&1) ||
		{ echo "# ${said//$'\n'/$'\n'# }"; result 1 "make install"; return; }
	release=$(modinfo -F vermagic build/module/domus.ko | cut -d ' ' -f 1)
	{
		echo "755 usr/bin/domctl"
		echo "644 lib/modules/$release/updates/domus.ko"
		echo "644 lib/udev/rules.d/70-domus.rules"
		echo "644 usr/share/bash-completion/completions/domctl"
		echo "644 usr/share/man/man8/domctl.8"
		for page in $(commands) $(objects); do
			echo "644 usr/share/man/man8/domctl-$page.8"
		done
	} | sort > "$work/expected"
	(cd "$work/root" && find . -type f ! -path './usr/src/*' -printf '%m %P\n') | sort |
		diff "$work/expected" - | sed 's/^/# /'
	result "${PIPESTATUS[2]}" "make install: the files and their modes"
	cmp -s "$work/root/usr/bin/domctl" userspace/domctl/domctl &&
		[[ $("$work/root/usr/bin/domctl" -V) == "domctl $version" ]]
	result $? "the program runs from there"
	grep -qx 'KERNEL=="domus", SUBSYSTEM=="misc", GROUP="domus", MODE="0660"' \
		"$work/root/lib/udev/rules.d/70-domus.rules"
	result $? "the udev rule gives /dev/domus to the group"
	[[ -e $work/root/usr/src/domus-$version/Kbuild ]] &&
		grep -qx "PACKAGE_VERSION=\"$version\"" "$work/root/usr/src/domus-$version/dkms.conf" &&
		diff -r kmod "$work/root/usr/src/domus-$version/kmod" > /dev/null
	result $? "install-dkms: the module's sources"
	[[ $(modinfo -F version build/module/domus.ko) == "$version" ]]
	result $? "module and domctl are of one version"
}

# 2.

# The long options in the table of a command's source: cmd_NAME.c, or NAME.c beside it.
options_of() {
	cat "userspace/domctl/$1.c" "userspace/domctl/${1#cmd_}.c" 2> /dev/null |
		sed -n 's/^\t{ "\([a-z-]*\)", .*, OPT_.*/\1/p' | sort -u
}

test_words() {
	local command option source page missing=
	for command in $(commands); do
		source=cmd_$command
		[[ -e userspace/domctl/$source.c ]] || source=cmd_domain
		page=userspace/man/domctl-$command.8.scd
		grep -q "domctl-$command\*(8)" userspace/man/domctl.8.scd || missing+=" man:$command"
		grep -qw "commands=.*$command" userspace/completion/domctl || missing+=" completion:$command"
		for option in $(options_of $source); do
			"$domctl" "$command" help | grep -q -e "--$option\b" || missing+=" help:$option"
			grep -q -e "\*--$option\*" "$page" || missing+=" man:$option"
			grep -q -e "--$option\b" userspace/completion/domctl ||
				missing+=" completion:$option"
		done
	done
	for option in $(options_of main); do
		"$domctl" help | grep -q -e "--$option\b" || missing+=" help:$option"
		grep -q -e "\*--$option\*" userspace/man/domctl.8.scd || missing+=" man:$option"
		grep -q -e "--$option\b" userspace/completion/domctl || missing+=" completion:$option"
	done
	[[ -z $missing ]] || echo "# missing:$missing"
	[[ -z $missing && $(options_of cmd_create | wc -l) -ge 12 ]]
	result $? "every command and option is in help, manual and completion"
	# Statuses that a script may rely on: of the header, in the manual.
	missing=
	for option in $(sed -n 's/^\tEXIT_[A-Z_]* *= \([0-9]*\),.*/\1/p' userspace/domctl/error.h); do
		grep -q "^\*$option\( + n\)\?\*$" userspace/man/domctl.8.scd userspace/man/domctl-create.8.scd ||
			missing+=" $option"
	done
	[[ -z $missing ]] || echo "# missing:$missing"
	[[ -z $missing ]]
	result $? "every exit status is in the manual"
}

# 3.

# completes LINE WORD...: exactly these for the last word of LINE
completes() {
	local line=$1
	shift
	read -ra COMP_WORDS <<< "$line"
	[[ $line == *' ' ]] && COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_domctl
	[[ ${COMPREPLY[*]} == "$*" ]] || echo "# '$line': ${COMPREPLY[*]}"
	[[ ${COMPREPLY[*]} == "$*" ]]
	result $? "completion of '$line'"
}

test_completion() {
	# shellcheck disable=SC1091
	. userspace/completion/domctl
	# shellcheck disable=SC2317  # for _domctl
	domctl() { echo '[{"id":1,"name":"web","state":"running"},{"id":2,"name":"web-2"}]'; }
	completes "domctl cre" create
	completes "domctl s" show set
	completes "domctl show w" web web-2
	completes "domctl domain destroy web-" web-2
	completes "domctl -j console " web web-2
	completes "domctl create x --ke" --kernel
	completes "domctl create x --kernel userspace/VER" userspace/VERSION
	completes "domctl create x --memory "
	completes "domctl console --f" --force
	completes "domctl help ver" version
	completes "domctl list --pre" --pretty
	completes "domctl set web" web web-2
	completes "domctl set web --w" --weight
	completes "domctl create x --cap "
	completes "domctl vcpu p" pin
	completes "domctl vcpu list web-" web-2
	# shellcheck disable=SC2317  # for _domctl
	domctl() { echo '[{"id":0,"state":"online","runtime_ns":17},{"id":1}]'; }
	completes "domctl vcpu pin web " 0 1
	completes "domctl vcpu pin web 1 a" all
	completes "domctl vcpu down web " 0 1
	completes "domctl vcpu up web 1 --t" --timeout
	completes "domctl vcpu set web 1 --affinity a" all
	completes "domctl vcpu set web 1 --soft-affinity n" none
	completes "domctl vcpu set web 1 --so" --soft-affinity
	completes "domctl create x --max-v" --max-vcpus
	completes "domctl set web --vc" --vcpus
}

echo "KTAP version 1"
test_files
test_words
test_completion
echo "1..$number"
exit $failed
