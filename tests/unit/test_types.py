"""What the type checkers of a web app take and refuse. pyright is there after `make check-types`; else mypy alone is asked."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import octoworker
from octoworker.sms import jobs, lanes, shapes
from octoworker.sms.record import Record, State

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "tests" / "checkers"
ENVIRONMENTS = ROOT / ".venv" / "examples"
PYRIGHT = ROOT / ".venv" / "types" / "node_modules" / "pyright" / "index.js"


def by_mypy():
    """The lines of each example that mypy --strict refuses."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(EXAMPLES)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^\S*?(\w+\.py):(\d+): error: ", said, re.MULTILINE)
    assert len(found) == said.count(": error: "), said
    return {(file, int(line)) for file, line in found}


def by_pyright():
    """The same, by pyright's strict rules."""
    if not PYRIGHT.exists() or not shutil.which("node"):
        pytest.skip("make check-types installs pyright")
    command = ["node", str(PYRIGHT), "--outputjson", "--project", str(EXAMPLES)]
    said = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout)
    assert said["summary"]["filesAnalyzed"] == 2
    found = said["generalDiagnostics"]
    return {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in found}


def example_by_mypy(folder, name):
    """What mypy --strict says of an example, in an environment with what it imports."""
    python = sys.executable if name == "django" else ENVIRONMENTS / name / "bin" / "python"  # the plugin is here alone
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def example_by_pyright(folder, name):
    python = sys.executable if name == "django" else ENVIRONMENTS / name / "bin" / "python"
    command = ["node", str(PYRIGHT), "--pythonpath", str(python), "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not PYRIGHT.exists() or not ENVIRONMENTS.exists(), reason="make check-types installs what it needs")
@pytest.mark.parametrize("checker", [example_by_mypy, example_by_pyright])
@pytest.mark.parametrize("name", sorted(each.name for each in (ROOT / "examples").iterdir() if each.is_dir()))
def test_both_checkers_take_the_examples(name, checker):
    done = checker(ROOT / "examples" / name, name)
    assert done.returncode == 0, done.stdout + done.stderr


def marked():
    lines = (EXAMPLES / "wrong.py").read_text(encoding="utf-8").splitlines()
    return {("wrong.py", number) for number, line in enumerate(lines, 1) if line.endswith("  # wrong")}


@pytest.mark.parametrize("checker", [by_mypy, by_pyright])
def test_a_checker_takes_what_is_right_and_refuses_each_mistake(checker):
    assert len(marked()) > 15
    assert checker() == marked()


def test_the_package_says_that_it_has_types():
    assert (Path(octoworker.__file__).parent / "py.typed").exists()


def test_every_public_name_is_there_and_is_listed():
    assert [name for name in octoworker.__all__ if getattr(octoworker, name, None) is None] == []
    assert set(octoworker.__all__) <= set(dir(octoworker))
    with pytest.raises(AttributeError, match="enqeue"):
        _ = octoworker.enqeue


def test_the_types_name_what_the_code_takes():
    assert set(shapes.SmsArguments.__annotations__) | set(shapes.SmsOptions.__annotations__) == jobs.ARGUMENTS
    assert shapes.LaneName.__args__ == lanes.LANES
    assert set(shapes.StateName.__args__) == {state.value for state in State}


def test_a_record_has_the_fields_of_its_type():
    shown = Record("0" * 32, State.QUEUED).as_json()
    assert set(shown) == set(shapes.MessageRecord.__annotations__)


def test_a_web_frameworks_library_can_read_the_types():
    """FastAPI makes its answers of them."""
    code = (
        "import octoworker, pydantic; adapter = pydantic.TypeAdapter(octoworker.MessageRecord | None);"
        "print(sorted(pydantic.TypeAdapter(octoworker.Event).json_schema()['properties']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ})
    assert done.stdout.strip() == "['data', 'id', 'timestamp', 'type']", done.stderr
