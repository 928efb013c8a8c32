"""The shell completes octoworker's commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("octoworker")


def asked(*words, **environ):
    command = [str(COMMAND), *words]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_bash_takes_the_script_and_completes_a_command():
    script = asked("completion", "bash")
    done = subprocess.run(
        ["bash", "-c", f"{script}\ncomplete -p octoworker"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "_octoworker_completion" in done.stdout
    found = asked(_OCTOWORKER_COMPLETE="bash_complete", COMP_WORDS="octoworker sta", COMP_CWORD="1")
    assert found.split() == ["plain,stats", "plain,status"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_there_is_a_script_for(shell):
    assert f"_OCTOWORKER_COMPLETE={shell}_complete" in asked("completion", shell)
