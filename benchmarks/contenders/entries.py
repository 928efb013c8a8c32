"""The contenders, in the order of the table."""

from __future__ import annotations

from contenders.runs import Entry

SLOW = {"NAIVE_POOL": "gevent", "NAIVE_CONCURRENCY": "100"}
THREADS = {"NAIVE_POOL": "threads", "NAIVE_CONCURRENCY": "16"}
PREFORK = {"BENCH_POOL": "prefork", "BENCH_CONCURRENCY": "2"}
"""As the naive worker has it: a gateway that answers at once leaves threads nothing to wait for."""
MANY = {"BENCH_CONCURRENCY": "100"}
ONE_PROCESS = {"BENCH_CONCURRENCY": "16"}
BACKLOG = 10_000
"""Messages of the bulk runs: enough jobs of a hundred for all threads."""

ENTRIES = (
    Entry("raw loop", "raw_loop"),
    Entry("naive Celery, prefork 2", "naive_celery"),
    Entry("naive Celery, threads 16", "naive_celery", settings=THREADS),
    Entry("tuned Celery, prefork 2", "tuned_celery"),
    Entry("huey, threads", "with_huey"),
    Entry("dramatiq", "with_dramatiq"),
    Entry("rq", "with_rq"),
    Entry("taskiq", "with_taskiq"),
    Entry("saq", "with_saq"),
    Entry("octoworker, one per job", "octoworker_single", settings=PREFORK),
    Entry("octoworker, one per job, threads 16", "octoworker_single"),
    Entry("octoworker, bulk jobs", "octoworker_bulk", count=BACKLOG),
    Entry("octoworker, bulk jobs, one process", "octoworker_bulk", count=BACKLOG, settings=ONE_PROCESS),
    Entry("octoworker, 500 recipients per call", "octoworker_recipients", count=400, per_call=500),
    Entry("naive Celery, gevent 100, 100 ms", "naive_celery", delay_ms=100, settings=SLOW),
    Entry("octoworker, one per job, threads 100, 100 ms", "octoworker_single", delay_ms=100, settings=MANY),
    Entry("octoworker, bulk jobs, 100 ms", "octoworker_bulk", count=BACKLOG, delay_ms=100, settings=ONE_PROCESS),
    Entry("octoworker, one per job, threads 16, 20 ms", "octoworker_single", delay_ms=20),
    Entry("naive Celery, prefork 2, 20 ms", "naive_celery", count=1000, delay_ms=20),
)
