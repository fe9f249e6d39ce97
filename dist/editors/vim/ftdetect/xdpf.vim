autocmd BufNewFile,BufRead *.xdpf setfiletype xdpf
