
# bash takes = and : for ends of words: they are put together again, and what is behind the last = is completed.
_xdpf_bash() {
	local i word words=() joined= line cur
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i > 1)) && [[ $word == [=:]* || ( ${COMP_WORDS[i - 1]} == [=:]* && -n $joined ) ]]; then
			words[${#words[@]} - 1]+=$word
			joined=yes
		else
			words+=("$word")
			joined=
		fi
	done
	cur=${words[-1]}
	unset 'words[-1]'
	COMPREPLY=()
	local value=$cur cut=
	[[ $cur == -*=* ]] && value=${cur#*=}
	# readline replaces what is behind the last colon
	[[ $value == *:* && $COMP_WORDBREAKS == *:* ]] && cut=${value%"${value##*:}"}
	while IFS= read -r line; do
		if [[ $line == @file ]]; then
			compopt -o filenames 2>/dev/null
			while IFS= read -r line; do
				COMPREPLY+=("$line")
			done < <(compgen -f -- "$value")
		elif [[ $line == "$value"* ]]; then
			COMPREPLY+=("${line#"$cut"}")
		fi
	done < <(_xdpf_candidates "$cur" "${words[@]}")
}

complete -F _xdpf_bash xdpf xdpfc
