"""Starts programs and tells what they took; a process of its own, since a child counts its parent's memory as its peak.

It reads one JSON document a line, `command`, `cwd`, `env`, `log`, and answers with one: `wall` and `cpu` in seconds
(user and system, of all processes that were waited for), `peak` in megabytes, `code`.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        with open(asked["log"], "wb") as log:  # noqa: PTH123 - pathlib would make this process larger
            begun = time.perf_counter()
            with subprocess.Popen(
                asked["command"],
                cwd=asked["cwd"],
                env=asked["env"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            ) as process:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            wall = time.perf_counter() - begun
        taken = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}
        sys.stdout.write(json.dumps({**taken, "code": process.returncode}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
