import os
import tempfile
from pathlib import Path

os.environ["DATABASE_URL"] = f"sqlite:///{Path(tempfile.mkdtemp()) / 'tests.sqlite3'}"
os.environ["OCTOWORKER_TESTING"] = "outbox"  # whatever sends outside an outbox is an error
os.environ["OCTOWORKER_CODE_KEYS"] = "a secret of tests for codes that go nowhere"
os.environ["EVENT_SECRET"] = "whsec_b2N0b3dvcmtlci10ZXN0LXNlY3JldC0wMDE="
