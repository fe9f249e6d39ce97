#!/usr/bin/python3
"""Types lines into an interactive shell, with a completion behind each, and prints what became of them.

usage: type.py bash|zsh FILE LINE...        FILE: xdpf.bash, or _xdpf

A line that ends with a TAB is completed as far as that goes; one that ends with a * has all candidates inserted.
"""
import os
import pty
import re
import select
import sys
import time

SECONDS = 60


class Shell:
    def __init__(self, kind, path):
        self.kind, self.seen = kind, ""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.environ.update(TERM="dumb", PS1="> ", HISTFILE="/dev/null", LC_ALL="C.UTF-8")
            os.execvp(kind, [kind, "--norc", "--noprofile", "-i"] if kind == "bash" else [kind, "-f", "-i"])
        self.pid = pid
        if kind == "bash":
            self.run("bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; bind 'set completion-query-items 0'")
            self.run(". '%s'" % path)
        else:
            self.run("unsetopt beep zle_bracketed_paste 2>/dev/null; fpath=('%s' $fpath); autoload -U compinit; compinit -u -D" % os.path.dirname(path))
            self.run("zstyle ':completion:*' completer _complete; bindkey -e; setopt no_auto_remove_slash; zstyle ':completion:*:all:*' insert true")
            # all candidates at once
            self.run("zstyle ':completion:all-matches:*' completer _all_matches _complete; zstyle ':completion:all-matches:*' insert true; "
                     "zle -C all-matches complete-word _generic; bindkey '^X^A' all-matches")

    def send(self, text):
        os.write(self.fd, text.encode())

    def until(self, pattern):
        """What the pattern matched, once it has come."""
        end = time.monotonic() + SECONDS
        while True:
            m = re.search(pattern, self.seen)
            if m:
                self.seen = self.seen[m.end():]
                return m
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                sys.exit("type.py: %s says nothing more: %r" % (self.kind, self.seen[-500:]))
            try:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                sys.exit("type.py: %s has ended: %r" % (self.kind, self.seen[-500:]))

    def run(self, line):
        # the words come from the command, not from the terminal that shows what is typed
        self.send(line + "; printf 'do%s\\n' ne\r")
        self.until(r"done\r?\n")

    def complete(self, line):
        keys = {"\t": "\t", "*": "\x1b*" if self.kind == "bash" else "\x18\x01"}[line[-1]]
        # the line is then an argument: nothing of it is run
        self.send(line[:-1] + keys + "\x01printf '<%s''>\\n' '\x05'\r")
        return self.until(r"\r?\n<([^\r\n]*)>\r?\n")[1]


def main():
    shell = Shell(sys.argv[1], os.path.abspath(sys.argv[2]))
    for line in sys.argv[3:]:
        print(shell.complete(line))
    shell.send("exit\r")
    os.close(shell.fd)
    os.waitpid(shell.pid, 0)


if __name__ == "__main__":
    main()
