" For ALE: what `xdpfc --check --json` finds in the buffer, saved or not, with the ends of places and the remedies.
function! ale_linters#xdpf#xdpfc#Handle(buffer, lines) abort
	let l:items = []

	for l:d in ale#util#FuzzyJSONDecode(a:lines, [])
		" the last one may say that there are more
		if !has_key(l:d, "line")
			continue
		endif
		" ALE's ends are of the last column, and not behind it
		let l:item = {"lnum": l:d.line, "col": l:d.column, "end_lnum": l:d.end_line, "end_col": max([l:d.end_column - 1, 1]),
			\ "type": toupper(l:d.severity[0]), "text": l:d.text . (has_key(l:d, "remedy") ? "; " . l:d.remedy : "")}
		if l:d.file !=# "<stdin>"
			let l:item.filename = ale#path#GetAbsPath(expand("#" . a:buffer . ":p:h"), l:d.file)
		endif
		call add(l:items, l:item)
	endfor
	return l:items
endfunction

" in the file's directory, where what it includes is found
call ale#linter#Define("xdpf", {"name": "xdpfc", "executable": "xdpfc", "cwd": "%s:h", "command": "%e --check --json -",
	\ "callback": "ale_linters#xdpf#xdpfc#Handle"})
