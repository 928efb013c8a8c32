"""How large each thing may be that comes from outside. A reader checks its size before any other rule looks at it.

Texts are counted in characters, the others as their line says. What is larger is refused, never cut.
"""

from __future__ import annotations

NUMBER = 40
"""Characters of a telephone number: the longest one has 15 digits, and people put signs between them."""

TEXT = 5_000
"""Characters of a text as it comes in: 1,224 may be sent, and some of them are written with several characters."""

KEY = 200
"""Characters of an idempotency key: room for any id, too little for a document."""

REFERENCE = 200
"""Characters of a reference."""

NAME = 200
"""Characters of the name of a campaign or a file."""

INSTANT = 64
"""Characters of a written time."""

LIST = 1_000
"""Recipients that one message may list, repeats included: twice the most that one call takes."""

PAYLOAD = 512 * 1024
"""Bytes of the arguments of one message, as JSON."""

TEMPLATE = TEXT
"""Characters of a text with fields."""

FIELD_NAME = 60
"""Characters of the name of a field in a template."""

CSV_CELL = 32_767
"""Characters of one cell: what Excel allows."""

CSV_LINE = 256 * 1024
"""Characters of one row, with the line ends inside its quotes."""

FILE_HEADER = 64 * 1024
"""Characters of the row with the names of the columns."""

COLUMNS = 1_000
"""Columns of a file."""

CELLS = 20_000_000
"""Cells of a spreadsheet between its first and its last one: the reader keeps a place in memory for each of them."""

SPREADSHEET = 512 * 1024 * 1024
"""Bytes of a spreadsheet once it is unpacked."""

CORRELATION_ID = 128
"""Characters of the id of a web request."""

OPT_OUT_LINE = 1_000
"""Characters of one line of a list of opt-outs: an exported one has some 150."""

WEBHOOK_BODY = 64 * 1024
"""Bytes of a call that Octopush makes."""

UNREADABLE = 4_000
"""Characters that are kept of a call that nobody can read: enough for an operator to see what it was."""

REASONS = 5
"""Different reasons that one error names. The others are counted."""
