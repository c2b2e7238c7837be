"""CEL's engine, imported without the command line that its package brings along.

`import cel` would also import `cel.cli`, and with it four hundred modules of typer, rich and prompt_toolkit: a quarter of
a second of CPU (as measured, of 1.9 until a worker's lanes are open), which whoever restarts a worker waits for.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Final

__all__ = ["cel"]

_UNUSED: Final = "cel.cli"

if "cel" not in sys.modules:
    sys.modules[_UNUSED] = ModuleType(_UNUSED)
    import cel

    # Whoever asks for the command line later gets it.
    del sys.modules[_UNUSED]
else:
    import cel
