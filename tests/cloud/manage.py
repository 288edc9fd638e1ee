"""Runs commands of one program in turn, loaded once: python manage.py MODULE [[WORD, …], …].

The words are JSON. Loading takes most of the time that such a command needs. Each runs in a process of its
own, as settings are read once in a process.
"""

from __future__ import annotations

import importlib
import json
import os
import sys


def main() -> int:
    """Ends with the code of the first command that fails, and runs none after it."""
    program = importlib.import_module(sys.argv[1])
    for words in json.loads(sys.argv[2]):
        number = os.fork()
        if number == 0:
            sys.argv = [sys.argv[1], *words]
            sys.exit(program.main())
        _, status = os.waitpid(number, 0)
        code = os.waitstatus_to_exitcode(status)
        if code:
            print(f"{' '.join(words)} ended with {code}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
