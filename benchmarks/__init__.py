"""Programs that measure this project; see ``python -m benchmarks --list``.

Run with ``python -m benchmarks.lake``; those of this folder also as files.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # where programs find what they share
