"""Every check of deploy/ that needs no cluster and no container engine: `make check-deploy`.

One line per check. A tool that is not here and cannot be installed makes its checks "skip", and the whole run fails,
unless ALLOW_SKIP=1: a check that did not run has not passed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

DEPLOY = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
OVERLAYS = sorted(path.parent for path in DEPLOY.glob("kubernetes/overlays/*/kustomization.yaml"))
KUBERNETES = ("1.30", "1.37")
"""The oldest and the newest release whose schemas the manifests must satisfy."""

RULES = DEPLOY / "prometheus" / "rules" / "octoworker.yml"
EXPOSURE = "15"
"""Tenths: systemd's own measure of what a unit may do, 0 to 10. Most services stand above 9."""

CUSTOM = {
    "ScaledObject": {"scaleTargetRef", "triggers", "minReplicaCount", "maxReplicaCount"},
    "TriggerAuthentication": {"secretTargetRef"},
    "ServiceMonitor": {"selector", "endpoints"},
    "PrometheusRule": {"groups"},
}
"""Kinds for which Kubernetes has no schema of its own, and what their spec must have."""


class CheckFailed(Exception):  # noqa: N818 - reads as what it says
    """What is wrong, as the tool said it."""


class CheckSkipped(Exception):  # noqa: N818 - the same
    """Why it could not be looked at."""


def tool(name: str, package: str = "") -> str:
    """The program: from the locked wheels, from the machine, or out of Debian's package, in this order."""
    if found := shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"):
        return found
    if package and shutil.which("apt-get"):
        unpack(name, package)
    if (BIN / name).exists():
        return str(BIN / name)
    raise CheckSkipped(f"no {name} here" + (f"; Debian has it in {package}" if package else ""))


def unpack(name: str, package: str) -> None:
    """One program out of a package, beside our own: installing it would start its server on this machine."""
    with tempfile.TemporaryDirectory() as folder:

        def tried(*command: str) -> bool:
            return subprocess.run(command, capture_output=True, check=False, cwd=folder).returncode == 0

        if not tried("apt-get", "-qq", "download", package):
            tried("apt-get", "-qq", "update")
            tried("apt-get", "-qq", "download", package)
        for archive in Path(folder).glob("*.deb"):
            if tried("dpkg-deb", "-x", str(archive), ".") and (program := Path(folder) / "usr" / "bin" / name).exists():
                shutil.copy(program, BIN / name)


def run(*command: str | Path, stdin: str | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], input=stdin, capture_output=True, text=True, check=False, cwd=DEPLOY.parent
    )
    if done.returncode:
        raise CheckFailed((done.stdout + done.stderr).strip())
    return done.stdout + done.stderr


def documents(overlay: Path) -> list[dict]:
    return list(yaml.safe_load_all(run(tool("kubectl"), "kustomize", overlay)))


def of_kind(overlay: Path, *kinds: str) -> list[dict]:
    return [document for document in documents(overlay) if document["kind"] in kinds]


def yaml_is_well_formed() -> str:
    run(tool("yamllint"), "--strict", "-c", DEPLOY / ".yamllint", DEPLOY)
    return "yamllint"


def dockerfile_is_sound() -> str:
    run(tool("hadolint"), DEPLOY / "Dockerfile")
    return "hadolint"


def image_copies_what_is_there() -> str:
    """No engine here to say that a file is missing, or kept out by .dockerignore, which lets in what it names only."""
    root = DEPLOY.parent
    let_in = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    lines = [
        line.split()[1:-1] for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")
    ]
    copied = [source for sources in lines if not sources[0].startswith("--from") for source in sources]
    for source in copied:
        if not (root / source).exists():
            raise CheckFailed(f"{source} is not there")
        if not any(source == each or source.startswith(f"{each}/") for each in let_in):
            raise CheckFailed(f"{source} is kept out by .dockerignore")
    return f"{len(copied)} paths"


def compose_follows_its_schema() -> str:
    run(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")
    return "check-jsonschema, its own copy of the schema"


def compose_mounts_what_is_there() -> str:
    """No engine here to say that a file to mount is missing: it would make a folder of that name instead."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    sources = [part.split(":")[0] for service in services.values() for part in service.get("volumes", [])]
    files = [source for source in sources if source.startswith("./")]
    if missing := [source for source in files if not (DEPLOY / source).exists()]:
        raise CheckFailed(f"not there: {missing}")
    return f"{len(files)} mounts"


def overlay_builds(overlay: Path) -> str:
    return f"{len(documents(overlay))} objects"


def overlay_follows_the_schemas(overlay: Path) -> str:
    built = run(tool("kubectl"), "kustomize", overlay)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{overlay.name}.yaml"
        path.write_text(built)
        for version in KUBERNETES:
            run(tool("kubernetes-validate"), "--strict", "--quiet", "--no-warn", "-k", version, path)
    return "kubernetes-validate --strict, " + " and ".join(KUBERNETES)


def custom_kinds_are_whole(overlay: Path) -> str:
    found = of_kind(overlay, *CUSTOM)
    for document in found:
        if lacking := CUSTOM[document["kind"]] - set(document["spec"]):
            raise CheckFailed(f"{document['kind']} {document['metadata']['name']} has no {sorted(lacking)}")
    deployments = {document["metadata"]["name"] for document in of_kind(overlay, "Deployment")}
    for scaled in of_kind(overlay, "ScaledObject"):
        if (target := scaled["spec"]["scaleTargetRef"]["name"]) not in deployments:
            raise CheckFailed(f"ScaledObject {scaled['metadata']['name']} scales {target}, which is not there")
    return f"{len(found)} of KEDA and the Prometheus operator, for which there is no schema here"


def lanes_all_have_workers(overlay: Path) -> str:
    """Each queue is consumed, and scaled by its own length."""
    workers = [
        document for document in of_kind(overlay, "Deployment") if document["metadata"]["name"] != "octoworker-metrics"
    ]
    arguments = [document["spec"]["template"]["spec"]["containers"][0]["args"] for document in workers]
    consumed = sorted(words[words.index("-Q") + 1] for words in arguments)
    scaled = sorted(
        document["spec"]["triggers"][0]["metadata"]["listName"] for document in of_kind(overlay, "ScaledObject")
    )
    if consumed != ["sms", "sms.bulk", "sms.urgent"] or scaled not in ([], consumed):
        raise CheckFailed(f"consumed: {consumed}; scaled: {scaled}")
    return ", ".join(consumed)


def pods_are_hardened(overlay: Path) -> str:
    """The restricted profile of Kubernetes, a read-only root, and secrets as files only."""
    found = of_kind(overlay, "Deployment", "StatefulSet")
    for document in found:
        pod = document["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        own = container["securityContext"]
        facts = {
            "runs as root": pod["securityContext"].get("runAsNonRoot") is True,
            "no seccomp": pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault",
            "root not read-only": own.get("readOnlyRootFilesystem") is True,
            "may escalate": own.get("allowPrivilegeEscalation") is False,
            "capabilities": own["capabilities"] == {"drop": ["ALL"]},
            "has a token": pod.get("automountServiceAccountToken") is False,
            "no memory limit": "memory" in container["resources"]["limits"],
            "secret in the environment": not [each for each in container.get("env", []) if "valueFrom" in each],
        }
        if wrong := [name for name, holds in facts.items() if not holds]:
            raise CheckFailed(f"{document['metadata']['name']}: {wrong}")
    return f"{len(found)} pods"


def no_secret_has_a_value(overlay: Path) -> str:
    if of_kind(overlay, "Secret"):
        raise CheckFailed("a Secret is built from the repository")
    return "secrets come from deploy/secrets.sh"


def rules_are_valid() -> str:
    run(tool("promtool", "prometheus"), "check", "rules", RULES)
    return "promtool check rules"


def rules_fire_when_they_should() -> str:
    run(tool("promtool", "prometheus"), "test", "rules", DEPLOY / "prometheus" / "tests" / "octoworker.yml")
    return "promtool test rules"


def prometheus_config_is_valid() -> str:
    """The configuration names its rules as the container sees them: here it gets our folder's name."""
    config = (DEPLOY / "prometheus" / "prometheus.yml").read_text().replace("/etc/prometheus", str(RULES.parents[1]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prometheus.yml"
        path.write_text(config)
        said = run(tool("promtool", "prometheus"), "check", "config", path)
    if "rule files found" not in said and "1 rule" not in said:
        raise CheckFailed(f"no rules were read: {said}")
    return "promtool check config"


def cluster_has_the_same_alerts() -> str:
    cluster = yaml.safe_load((DEPLOY / "kubernetes" / "monitoring" / "prometheusrule.yaml").read_text())
    if cluster["spec"] != yaml.safe_load(RULES.read_text()):
        raise CheckFailed("prometheusrule.yaml differs from rules/octoworker.yml: `python deploy/checks/copy_rules.py`")
    return f"{sum(len(group['rules']) for group in cluster['spec']['groups'])} alerts"


def unit_is_valid() -> str:
    analyze = tool("systemd-analyze")
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder) / "octoworker.service"
        # The program is not installed here, and that is all that may be missing.
        unit.write_text(
            (DEPLOY / "systemd" / "octoworker.service")
            .read_text()
            .replace("/opt/octoworker/bin/octoworker", "/bin/true")
        )
        if said := run(analyze, "verify", unit).strip():
            raise CheckFailed(said)
        run(analyze, "security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", unit)
    return f"systemd-analyze verify, exposure below {int(EXPOSURE) / 10}"


def checks() -> Iterator[tuple[str, Callable[[], str]]]:
    alone: tuple[Callable[[], str], ...] = (
        yaml_is_well_formed,
        dockerfile_is_sound,
        image_copies_what_is_there,
        compose_follows_its_schema,
        compose_mounts_what_is_there,
        rules_are_valid,
        rules_fire_when_they_should,
        prometheus_config_is_valid,
        cluster_has_the_same_alerts,
        unit_is_valid,
    )
    for check in alone:
        yield check.__name__, check
    each: tuple[Callable[[Path], str], ...] = (
        overlay_builds,
        overlay_follows_the_schemas,
        custom_kinds_are_whole,
        lanes_all_have_workers,
        pods_are_hardened,
        no_secret_has_a_value,
    )
    for overlay in OVERLAYS:
        for look in each:
            yield f"{overlay.name} {look.__name__}", lambda look=look, overlay=overlay: look(overlay)


def main() -> int:
    failed = skipped = passed = 0
    for name, check in checks():
        try:
            word, detail = "ok", check()
            passed += 1
        except CheckSkipped as reason:
            word, detail = "skip", str(reason)
            skipped += 1
        except (CheckFailed, yaml.YAMLError) as reason:
            word, detail = "FAIL", str(reason)
            failed += 1
        print(f"{word:<5}{name.replace('_', ' '):<50}{detail}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    if skipped and not failed and os.environ.get("ALLOW_SKIP") != "1":
        print("A skipped check has not passed. Install what is named above, or set ALLOW_SKIP=1.")
    return 1 if failed or (skipped and os.environ.get("ALLOW_SKIP") != "1") else 0


if __name__ == "__main__":
    raise SystemExit(main())
