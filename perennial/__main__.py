"""`python -m perennial`, where the command is not installed."""

import sys

from perennial.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
