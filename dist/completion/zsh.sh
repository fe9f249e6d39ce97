
_xdpf_ksh() {
	emulate -L ksh
	_xdpf_candidates "$@"
}

_xdpf_zsh() {
	local line cur=${words[CURRENT]} files=
	local -a found
	while IFS= read -r line; do
		if [[ $line == @file ]]; then
			files=yes
		else
			found+=("$line")
		fi
	done < <(_xdpf_ksh "$cur" "${(@)words[1,CURRENT-1]}")
	[[ $cur == -*=* ]] && compset -P '*='
	compadd -a found
	[[ -n $files ]] && _files
}

_xdpf_zsh "$@"
