"""``python -m mmad``: the same as the console script ``mmad``."""

import sys

from mmad.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
