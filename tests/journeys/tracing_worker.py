"""The workers' application as somebody sets it up who has OpenTelemetry: spans go to the file SPANS, one JSON line each."""

from __future__ import annotations

import os
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from octoworker.worker.app import app  # noqa: F401 - `celery -A tracing_worker`

_file = Path(os.environ["SPANS"]).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115 - as long as the worker lives
_exporter = ConsoleSpanExporter(out=_file, formatter=lambda span: span.to_json(indent=None) + "\n")
_provider = TracerProvider()
_provider.add_span_processor(SimpleSpanProcessor(_exporter))
trace.set_tracer_provider(_provider)
