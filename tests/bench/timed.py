"""Runs commands and says what they took: a line of JSON comes in, [[WORD...], FILE for what they say on stderr], and one goes out, [status,
seconds, the most megabytes that were resident]. A process of its own, because a child's memory is at the least its parent's, from before it
became something else: this parent is small.
"""
import json
import os
import sys
import time


def main():
    for line in sys.stdin:
        command, errors = json.loads(line)
        start = time.monotonic()
        to_file = (os.POSIX_SPAWN_OPEN, 2, errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[to_file])
        _, status, usage = os.wait4(pid, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - start, usage.ru_maxrss / 1024]), flush=True)


if __name__ == "__main__":
    main()
