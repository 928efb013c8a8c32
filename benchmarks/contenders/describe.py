"""`python -m contenders.describe MODULE run`: its commands, as JSON. `... prepare COUNT`: fill its queue."""

from __future__ import annotations

import importlib
import json
import sys

module, what = importlib.import_module(f"contenders.{sys.argv[1]}"), sys.argv[2]
if what == "run":
    print(json.dumps(module.run()))
else:
    module.prepare(int(sys.argv[3]))
