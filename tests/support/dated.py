# SPDX-License-Identifier: GPL-3.0-or-later
"""dated.py LOG COMMAND...: run a helper of ExaBGP, and note in LOG when it said what.

Stands between the two: a line "withdraw 1764000000.123456" is dated before it is passed on.
"""
import subprocess
import sys
import time


def main():
    log, *command = sys.argv[1:]
    with open(log, "a", encoding="ascii") as notes, \
            subprocess.Popen(command, stdout=subprocess.PIPE) as helper:
        for line in helper.stdout:
            now = time.time()
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            notes.write(f"{line.split()[0].decode()} {now:.6f}\n")
            notes.flush()


if __name__ == "__main__":
    main()
