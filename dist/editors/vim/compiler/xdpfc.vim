" :make shows what xdpfc finds wrong with the file, in the quickfix list.
if exists("current_compiler")
	finish
endif
let current_compiler = "xdpfc"

CompilerSet makeprg=xdpfc\ --check\ %:S
" the excerpts below a message are of no use here, what to do is
CompilerSet errorformat=%f:%l:%c:\ %trror:\ %m,%f:%l:%c:\ %tarning:\ %m,%f:%l:%c:\ %tote:\ %m,%-G%.%#
