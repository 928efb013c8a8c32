"""Boards and alerts ask only for metrics that octoworker has, with the labels they have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"

METRICS = {
    "octoworker_calls_total": {"outcome", "code"},
    "octoworker_messages_ended_total": {"state", "lane"},
    "octoworker_retries_total": set(),
    "octoworker_duplicates_stopped_total": set(),
    "octoworker_unknown_total": set(),
    "octoworker_segments_total": {"lane"},
    "octoworker_spend_total": {"currency"},
    "octoworker_sweep_finds_total": {"found"},
    "octoworker_alerts_total": {"alert"},
    "octoworker_receipts_total": {"says", "outcome"},
    "octoworker_handsets_total": {"says", "lane", "sender"},
    "octoworker_to_handset_seconds_bucket": {"country", "le"},
    "octoworker_receipt_age_seconds_bucket": {"le"},
    "octoworker_replies_total": {"outcome"},
    "octoworker_opt_outs_total": {"source"},
    "octoworker_callbacks_unreadable_total": set(),
    "octoworker_unreadable": set(),
    "octoworker_inbox_depth": set(),
    "octoworker_outbox_depth": set(),
    "octoworker_events_total": {"way", "outcome"},
    "octoworker_webhooks": {"state"},
    "octoworker_webhooks_blocked": set(),
    "octoworker_handover_seconds_bucket": {"lane", "le"},
    "octoworker_call_seconds_bucket": {"le"},
    "octoworker_codes_total": {"outcome", "country"},
    "octoworker_balance": {"currency"},
    "octoworker_spend_today": {"currency"},
    "octoworker_queue_depth": {"lane"},
    "octoworker_backlog_depth": {"lane"},
    "octoworker_oldest_seconds": {"lane"},
    "octoworker_workers": {"lane"},
    "octoworker_due_lag_seconds": set(),
    "octoworker_messages": {"state"},
    "octoworker_unconfirmed": set(),
    "octoworker_clock_drift_seconds": set(),
    "octoworker_breaker_open": set(),
    "octoworker_account_hold": set(),
    "octoworker_paused": {"what"},
    "octoworker_pace_used": set(),
    "octoworker_pace_limit": set(),
    "octoworker_redis_up": set(),
    "octoworker_redis_writable": set(),
    "octoworker_redis_memory_bytes": set(),
    "octoworker_redis_memory_limit_bytes": set(),
}
"""The names that are promised, and their labels."""

BY = re.compile(r"\bby \(([^)]*)\)")
SERIES = re.compile(r"(octoworker_[a-z_]+)(?:\{([^}]*)\})?")


def board():
    return json.loads((DEPLOY / "grafana" / "dashboards" / "octoworker.json").read_text())


def panels():
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


def alerts():
    """Name and expression of each alert; read as text, for YAML is no dependency of ours."""
    text = (DEPLOY / "prometheus" / "rules" / "octoworker.yml").read_text()
    return re.findall(r"- alert: (\w+)\n(?:\s+#.*\n)*\s+expr: ((?:.|\n)*?)\n\s+(?:for|labels):", text)


def expressions():
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    yield from alerts()


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_an_expression_uses_known_metrics_and_labels(where, expression):
    used = SERIES.findall(expression)
    assert used
    assert {name for name, _ in used} <= set(METRICS)
    for name, selector in used:
        assert {part.split("=")[0].strip(" !~") for part in selector.split(",") if part} <= METRICS[name]
    grouped = {label.strip() for labels in BY.findall(expression) for label in labels.split(",")}
    assert grouped <= set.union(*(METRICS[name] for name, _ in used))


def test_every_metric_is_shown_somewhere():
    shown = {name for panel in panels() for target in panel["targets"] for name, _ in SERIES.findall(target["expr"])}
    assert set(METRICS) == shown


def test_every_alert_was_read_and_has_a_runbook():
    text = (DEPLOY / "prometheus" / "rules" / "octoworker.yml").read_text()
    assert len(alerts()) == text.count("- alert: ") == text.count("runbook: docs/operations.md#")


def test_every_alert_has_a_test_that_it_fires():
    tests = (DEPLOY / "prometheus" / "tests" / "octoworker.yml").read_text()
    fired = set(re.findall(r"alertname: (\w+)\n\s+eval_time: \w+\n\s+exp_alerts:\n", tests))
    assert {name for name, _ in alerts()} == fired


def test_panels_lie_side_by_side():
    places = [panel["gridPos"] for panel in board()["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in board()["panels"]}) == len(places)


def test_the_board_asks_the_data_source_that_is_provisioned():
    source = (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text()
    uids = {panel["datasource"]["uid"] for panel in panels()}
    assert [f"uid: {uid}" in source for uid in uids] == [True]


def test_runbooks_have_their_headings():
    page = DEPLOY.parent / "docs" / "operations.md"
    headings = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ")).strip().lower().replace(" ", "-")
        for line in page.read_text().splitlines()
        if line.startswith("#")
    }
    wanted = set(
        re.findall(
            r"runbook: docs/operations\.md#(\S+)", (DEPLOY / "prometheus" / "rules" / "octoworker.yml").read_text()
        )
    )
    assert wanted <= headings
