"""The command `fastnlp` with the example jobs beside the real ones, for tests in processes of their own."""

import sys
from pathlib import Path

from fastnlp_jobs import jobs
from fastnlp_jobs.cli import main

jobs.__path__.append(str(Path(__file__).parent))
sys.exit(main())
