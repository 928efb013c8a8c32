"""One trace from the web app over the job to the call, and nothing of the message in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from harness import API_KEY, NUMBER, TEXT, until

from octoworker.sms.record import State

otel = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra `otel` is not installed")

WEB_APP = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from octoworker import enqueue
from octoworker.telemetry import tracing
trace.set_tracer_provider(TracerProvider())
tracing.start()
for n in range(int(sys.argv[3])):
    enqueue(recipients="+33612345600", text=f"before {n}", transactional=True)
with trace.get_tracer("web").start_as_current_span("POST /login") as span:
    message_id = enqueue(recipients=sys.argv[1], text=sys.argv[2], transactional=True)
    print(message_id, format(span.get_span_context().trace_id, "#034x"))
"""


# The scheduler publishes what seems lost again, in a trace of its own: here nothing shall seem lost, however busy the machine is.
UNHURRIED = pytest.mark.parametrize("house", [{"OCTOWORKER_REQUEUE_AFTER": "60"}], indirect=True, ids=[""])


@UNHURRIED
@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_trace_goes_from_the_web_app_to_the_call(house, tmp_path, pool):
    spans = tmp_path / "spans"
    settings = {"SPANS": str(spans), "PYTHONPATH": str(Path(__file__).parent)}
    house.worker(app="tracing_worker", pool=pool, settings=settings)
    house.sandbox.fault(fault="code", code="153", times=1, recipient=NUMBER)
    told = subprocess.run(
        [sys.executable, "-c", WEB_APP, NUMBER, TEXT, "1"],
        env=house.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    message_id, trace_id = told.stdout.split()
    assert house.ended(message_id).state is State.ACCEPTED

    def finished():
        found = [json.loads(line) for line in spans.read_text().splitlines()]
        ours = {
            each["context"]["trace_id"]
            for each in found
            if each["attributes"].get("octoworker.message_id") == message_id
        }
        found = [each for each in found if each["context"]["trace_id"] in ours]
        return found if len(found) == 4 else None

    first_call, first_job, second_call, second_job = until(finished)
    assert [each["name"] for each in (first_job, first_call)] == ["octoworker.send_sms", "octoworker.submit"]
    assert first_call["parent_id"] == first_job["context"]["span_id"]
    assert {each["context"]["trace_id"] for each in (first_job, first_call)} == {trace_id}
    assert first_call["attributes"]["octoworker.message_id"] == message_id
    assert (first_call["status"]["status_code"], first_call["attributes"]["octoworker.code"]) == ("ERROR", "153")
    # The clock published this one: it has nobody's headers to continue.
    assert second_call["context"]["trace_id"] == second_job["context"]["trace_id"] != trace_id
    for secret in (NUMBER, NUMBER[3:], "MARKER", API_KEY):
        assert secret not in spans.read_text()


@UNHURRIED
def test_a_trace_goes_to_the_call_also_of_a_message_in_a_crowd(house, tmp_path):
    spans = tmp_path / "spans"
    told = subprocess.run(
        [sys.executable, "-c", WEB_APP, NUMBER, TEXT, "9"],
        env=house.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    message_id, trace_id = told.stdout.split()
    house.worker(app="tracing_worker", settings={"SPANS": str(spans), "PYTHONPATH": str(Path(__file__).parent)})

    def calls():
        found = [json.loads(line) for line in spans.read_text().splitlines()] if spans.exists() else []
        ours = [each for each in found if each["name"] == "octoworker.submit"]
        return ours if len(ours) == 10 else None

    traces = {each["attributes"]["octoworker.message_id"]: each["context"]["trace_id"] for each in until(calls)}
    assert traces[message_id] == trace_id
    assert list(traces.values()).count(trace_id) == 1
    until(lambda: "octoworker.send_together" in spans.read_text())


def test_a_job_that_comes_twice_at_once_has_a_span_each_time(house, tmp_path):
    spans = tmp_path / "spans"
    house.sandbox.fault(fault="gate", name="door", when="before")
    house.worker(app="tracing_worker", settings={"SPANS": str(spans), "PYTHONPATH": str(Path(__file__).parent)})
    message_id = house.enqueue()
    house.sandbox.gate_reached("door")
    house.client.publish(message_id, {"recipients": NUMBER, "text": TEXT, "transactional": True}, "urgent")

    def jobs():
        found = [json.loads(line) for line in spans.read_text().splitlines()] if spans.exists() else []
        return [each for each in found if each["name"] == "octoworker.send_sms"]

    until(lambda: len(jobs()) == 1)
    house.sandbox.open_gate("door")
    until(lambda: len(jobs()) == 2)
    assert "Failed to detach" not in house.logs()


def test_a_worker_without_a_place_for_spans_sends(house):
    house.worker()
    assert house.ended(house.enqueue()).state is State.ACCEPTED
