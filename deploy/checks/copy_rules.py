"""Write the alerts of deploy/prometheus/rules into the PrometheusRule, which must hold the same."""

from __future__ import annotations

import textwrap
from pathlib import Path

DEPLOY = Path(__file__).parents[1]
HEAD = """\
# The alerts of prometheus/rules/octoworker.yml, for the Prometheus operator. Written by checks/copy_rules.py.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: octoworker
  labels: {app.kubernetes.io/name: octoworker}
spec:
"""

if __name__ == "__main__":
    rules = (DEPLOY / "prometheus" / "rules" / "octoworker.yml").read_text()
    body = rules[rules.index("groups:") :]
    (DEPLOY / "kubernetes" / "monitoring" / "prometheusrule.yaml").write_text(HEAD + textwrap.indent(body, "  "))
