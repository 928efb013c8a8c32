"""Whatever comes from outside is read or refused in words of ours, by every reader. `make fuzz CASES=200000` is the long form."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))
import readers


@pytest.mark.parametrize("name", readers.READERS)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(data=st.data())
def test_whatever_comes_is_read_or_refused(name, data):
    reader = readers.READERS[name]
    readers.tried(reader, data.draw(reader.fed))
