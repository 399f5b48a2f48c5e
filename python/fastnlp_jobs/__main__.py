"""`python -m fastnlp_jobs` is the command `fastnlp`."""

import sys

from fastnlp_jobs.cli import main

sys.exit(main())
