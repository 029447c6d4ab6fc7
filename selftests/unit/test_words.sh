#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_words.sh: the words of domctl are known to who looks for them, as KTAP: each option
# of a command to the completion and to the manual page, each member of JSON to the page.
# They are taken from the sources, so that none can be forgotten.
#
#   1. options: tables, and the commands that they belong to
#   2. what the completion offers
#   3. members of JSON
set -u
cd "$(dirname "$0")/../.." || exit 1

rerun="selftests/unit/run test_words.sh"
. selftests/unit/results.sh
. userspace/completion/domctl

man=userspace/man
source=userspace/domctl

# 1.

read -ra libnl < <(pkg-config --cflags libnl-genl-3.0 libnl-route-3.0)

# "TABLE OPTION LETTER VALUED" of the tables of a source file, with macros expanded
tables() {
	gcc -E -P -D_GNU_SOURCE -Iuapi -DDOMCTL_VERSION='""' "${libnl[@]}" "$1" | tr -d '\n' |
		awk 'BEGIN { RS = ";" }
		     match($0, /struct opt [a-z_]+\[\] = /) {
			split(substr($0, RSTART), words, /[ \[]/)
			n = split($0, rows, "{")
			for (i = 3; i <= n; i++) {
				split(rows[i], fields, ",")
				gsub(/[ "\047]/, "", fields[1])
				gsub(/[ \047]/, "", fields[2])
				if (fields[1] !~ /^\(/)
					print words[3], fields[1], fields[2],
					      fields[3] ~ /"/ ? "yes" : "no"
			}
		     }'
}

# "OBJECT COMMAND TABLE" of the commands of a source file, "-": none
commands() {
	awk -F '[" ,]+' '/^const struct command [a-z_]+ = \{/ { object = "-"; table = "-"; inside = 1 }
		inside && $1 ~ /^\t\.object$/ { object = $3 }
		inside && $1 ~ /^\t\.name$/ { name = $3 }
		inside && $1 ~ /^\t\.opts$/ { table = $3 }
		inside && /^\};/ { print object, name, table; inside = 0 }' "$1"
}

# The manual page of command $2 of object $1
page() {
	local name

	for name in "-$1" "-$2" ""; do
		[[ -e $man/domctl$name.8.scd ]] && echo "$man/domctl$name.8.scd" && return
	done
}

# in_page PAGE OPTION LETTER
in_page() {
	grep -q -F -e "*--$2*" "$1" && { [[ $3 == 0 ]] || grep -q -F -e "*-$3*, *--$2*" "$1"; }
}

# 2.

domctl() { :; }
compopt() { :; }

# offers WORD...: what is offered in place of the last one, as a line
offers() {
	# shellcheck disable=SC2034  # the completion's
	local COMP_WORDS=(domctl "$@") COMP_CWORD=$# COMPREPLY

	_domctl
	echo " ${COMPREPLY[*]} "
}

# command_options FILE OBJECT COMMAND TABLE
command_options() {
	local words=("$3") table name letter valued found='' missing=()

	[[ $2 == - ]] || words=("$2" "$3")
	[[ $(offers "${words[@]::${#words[@]}-1}" "") == *" $3 "* ]]
	result $? "${words[*]}: the completion has the command"
	grep -q "\*$3\*" "$(page - "${2#-}")" "$man/domctl.8.scd"
	result $? "${words[*]}: a page has the command"
	while read -r table name letter valued; do
		[[ $table == "$4" ]] || continue
		found=1
		[[ $(offers "${words[@]}" --) == *" --$name "* ]] || missing+=("--$name: completion")
		in_page "$(page "$2" "$3")" "$name" "$letter" || missing+=("--$name: manual page")
		# What follows is its value.
		[[ $valued == no || $(offers "${words[@]}" "--$name" --) != *" --"* ]] ||
			missing+=("--$name: its value, in the completion")
	done <<< "${tables[$1]-}"$'\n'"${tables[${global[$4]-none}]-}"
	[[ ${#missing[@]} -eq 0 ]] || printf '# missing: %s\n' "${missing[@]}"
	[[ ${#missing[@]} -eq 0 && ($4 == - || -n $found) ]]
	result $? "${words[*]}: all options"
}

test_options() {
	local file line object name table letter
	declare -A global tables

	# Those that are not static another file may name.
	while IFS=: read -r file line; do
		[[ -n ${tables[$file]-} ]] || tables[$file]=$(tables "$file")
		[[ $line =~ ^const\ struct\ opt\ ([a-z_]+)\[ ]] && global[${BASH_REMATCH[1]}]=$file
	done < <(grep -H 'const struct opt [a-z_]*\[\] = {' "$source"/*.c)
	for file in "$source"/cmd_*.c; do
		while read -r object name table; do
			command_options "$file" "$object" "$name" "$table"
		done < <(commands "$file")
	done
	while read -r table name letter _; do
		in_page "$man/domctl.8.scd" "$name" "$letter" &&
			[[ $(offers --) == *" --$name "* && $(offers list --) == *" --$name "* ]]
		result $? "--$name of all commands"
	done <<< "${tables[$source/main.c]}"
}

# 3.

# Pages of what a function prints. domctl-show(8) refers to those of disks and interfaces.
pages_of() {
	local name

	case $1:$2 in
	*:json_disk)			echo disk ;;
	*:json_nic)			echo net ;;
	*:json_dev|*:json_queues)	echo disk net ;;
	*:dev_print_ports)		echo port ;;
	dev_print*)			echo show ;;
	print.c:*)			echo domctl ;;
	cmd_domain.c:*)			echo list+show ;;
	dev_cmd.c:*)			echo disk net ;;
	limit.c:*)			echo show set ;;
	end.c:*)			echo create ;;
	cmd_*)				name=${1#cmd_}; echo "${name%.c}" ;;
	esac
}

# The paragraphs of page $1, or of several (A+B), that are about JSON
about_json() {
	local name names

	IFS=+ read -ra names <<< "$1"
	for name in "${names[@]}"; do
		name=$man/domctl-$name.8.scd
		[[ -e $name ]] || name=$man/domctl.8.scd
		awk 'BEGIN { RS = "" } /\*-j\*/' "$name"
	done
}

# "FUNCTION MEMBER" of a file
members() {
	awk '/^[a-z].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
	     match($0, /print_[a-z]+\(p, "[a-z_]+"/) {
		member = substr($0, RSTART, RLENGTH); gsub(/.* "|"/, "", member)
		print name, member
	     }' "$1"
}

test_members() {
	local file function member page pages missing

	for file in "$source"/*.c; do
		file=${file##*/} missing=()
		while read -r function member; do
			pages=$(pages_of "$file" "$function")
			[[ -n $pages ]] || missing+=("$function(): which page has $member?")
			for page in $pages; do
				about_json "$page" | grep -q -w -e "$member" ||
					missing+=("$member: page $page")
			done
		done < <(members "$source/$file")
		[[ -n $(members "$source/$file") ]] || continue
		[[ ${#missing[@]} -eq 0 ]] || printf '# missing: %s\n' "${missing[@]}"
		[[ ${#missing[@]} -eq 0 ]]
		result $? "$file: all members of JSON"
	done
}

echo "KTAP version 1"
test_options
test_members
# What finds nothing has looked at nothing.
[[ $(tables "$source/nic.c" | wc -l) -ge 14 && $(tables "$source/create.c") == *"create_opts kernel k yes"* &&
   $(members "$source/dev_print.c" | wc -l) -ge 35 ]]
result $? "the sources are read"
! in_page "$man/domctl-disk.8.scd" none-such 0 && [[ $(offers disk attach --) != *" --vlan "* ]]
result $? "what there is not is not found"
echo "1..$number"
exit $failed
