" Rule files of xdpfc. :XdpfCheck fills the quickfix list from `xdpfc --check --json`, with the ends of places and the remedies; it takes what is in the
" buffer, saved or not. g:xdpf_check_on_write = 1 does so whenever the file is written.
if exists("b:did_ftplugin")
	finish
endif
let b:did_ftplugin = 1

setlocal comments=:# commentstring=#\ %s
setlocal iskeyword=@,48-57,_,-,.
compiler xdpfc
let b:undo_ftplugin = "setlocal comments< commentstring< iskeyword< makeprg< errorformat< | delcommand -buffer XdpfCheck"

if !exists("*s:check")
	function s:check() abort
		" in the file's directory, where what it includes is found
		let l:command = "cd " . shellescape(expand("%:p:h")) . " && xdpfc --check --json -"
		let l:said = system(l:command, join(getline(1, "$"), "\n") . "\n")
		let l:list = []

		try
			let l:found = json_decode(l:said)
		catch
			echohl ErrorMsg | echo "xdpfc: " . l:said | echohl None
			return
		endtry
		for l:d in l:found
			" the last one may say that there are more
			if !has_key(l:d, "line")
				continue
			endif
			let l:entry = {"lnum": l:d.line, "col": l:d.column, "end_lnum": l:d.end_line, "end_col": l:d.end_column,
				\ "type": toupper(l:d.severity[0]), "text": l:d.text . (has_key(l:d, "remedy") ? "; " . l:d.remedy : "")}
			if l:d.file ==# "<stdin>"
				let l:entry.bufnr = bufnr("%")
			else
				let l:entry.filename = expand("%:p:h") . "/" . l:d.file
			endif
			call add(l:list, l:entry)
		endfor
		call setqflist([], "r", {"title": "xdpfc --check --json", "items": l:list})
	endfunction
endif

command -buffer -bar XdpfCheck call s:check()
augroup xdpf
	autocmd! BufWritePost <buffer> if get(g:, "xdpf_check_on_write", 0) | XdpfCheck | endif
augroup END
