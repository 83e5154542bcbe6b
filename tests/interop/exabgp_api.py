# SPDX-License-Identifier: GPL-3.0-or-later
"""exabgp_api.py TOLD ASKED: ExaBGP's helper. What it is told goes to one file, what is asked of
ExaBGP comes, line by line, from the other."""
import sys
import threading
import time


def tell(path):
    with open(path, "a", encoding="utf-8") as told:
        for line in sys.stdin:
            told.write(line)
            told.flush()


def main():
    told, asked = sys.argv[1:]
    listener = threading.Thread(target=tell, args=(told,))
    listener.start()
    with open(asked, encoding="ascii") as lines:
        while listener.is_alive():  # until ExaBGP closes our stdin
            line = lines.readline()
            if line:
                print(line, end="", flush=True)
            else:
                time.sleep(0.05)


if __name__ == "__main__":
    main()
