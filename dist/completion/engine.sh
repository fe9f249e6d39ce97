# What may stand at a place of a command line of xdpf and xdpfc: for bash and, as it is emulated there, for zsh. The tables, _xdpf_table and
# _xdpf_commands, are in front of this; docs/make/completion.py makes them of what the tools say of themselves.

# Candidates for a kind of word, one a line; @file: names of files, too.
_xdpf_kind() {	# KIND IFACE
	case $1 in
	@file | @filter) echo @file ;;
	@packets) echo @file; _xdpf_fields ;;
	@command) _xdpf_commands ;;
	@iface)
		local path
		for path in /sys/class/net/*/; do
			path=${path%/}
			echo "${path##*/}"
		done ;;
	@set) [ -z "$2" ] || xdpf set list "$2" --json 2>/dev/null | sed -n 's/^ *"name": "\(.*\)",*$/\1/p' ;;
	@rule)
		echo default
		[ -z "$2" ] || xdpf stats "$2" --json 2>/dev/null | sed -n '/"rules": \[/,/\]/s/^ *"rule": "\(.*\)",*$/\1/p' ;;
	# the interface mostly stands behind it: of all
	@owner) xdpf status ${2:+"$2"} --json 2>/dev/null | sed -n '/"by_file": \[/,/\]/s/^ *"name": "\(.*\)",*$/\1/p' ;;
	@* | '') ;;
	*) echo "$1" | tr '|' '\n' ;;
	esac
}

_xdpf_fields() {
	xdpfc --list=fields 2>/dev/null | cut -f1
}

# The word to be completed, and all words before it: the first is the tool. An option's value may stand in its word, behind =.
_xdpf_candidates() {	# WORD TOOL WORD...
	local cur=$1 tool=${2##*/} word kind known= iface= pending= options= operands=
	shift 2
	if [ "$tool" = xdpf ]; then
		if [ $# -eq 0 ]; then
			_xdpf_commands
			echo --help
			echo --version
			return
		fi
		tool=xdpf:$1
		shift
		if [ "$tool" = xdpf:set ] && [ $# -gt 0 ]; then
			tool=xdpf:set:$1
			shift
		fi
	fi
	_xdpf_table "$tool" || return
	# the kinds of operands, the first in front; the last one stays
	for word in "$@"; do
		if [ -n "$pending" ]; then
			[ "$pending" = @iface ] && iface=$word
			pending=
			continue
		fi
		case $word in
		-*=*) ;;
		-?*)
			# these stand in the place of a filter
			case $tool$word in
			xdpf:apply--replace | xdpf:apply--add | xdpf:apply--drop) operands=@iface ;;
			esac
			_xdpf_option "$word"
			[ "$kind" = none ] || pending=$kind ;;
		*)
			kind=${operands%% *}
			[ "$kind" = @iface ] && [ -z "$iface" ] && iface=$word
			[ "$operands" = "$kind" ] || operands=${operands#* } ;;
		esac
	done
	case $cur in
	-*=*)
		_xdpf_option "${cur%%=*}"
		[ "$kind" = none ] || _xdpf_kind "$kind" "$iface"
		return ;;
	esac
	if [ -n "$pending" ]; then
		_xdpf_kind "$pending" "$iface"
		return
	fi
	case $cur in
	-*)
		for word in $(echo "$options"); do
			echo "${word%%=*}"
		done ;;
	*) _xdpf_kind "${operands%% *}" "$iface" ;;
	esac
}

# Sets kind: what the option's value is, @none where nothing is known of it, none where it takes none or is unknown.
_xdpf_option() {
	kind=none
	case " $options " in
	*" $1="*)
		kind=${options##*"$1="}
		kind=${kind%% *}
		kind=${kind:-@none} ;;
	esac
}
