"""`python -m companion`: the command line where no script is on the path."""

import sys

from companion.cli import main

sys.exit(main())
