"""The contenders, in the order of the table, each with what it writes to Redis for a message."""

from __future__ import annotations

from contenders.runs import Entry

SLOW = {"NAIVE_POOL": "gevent", "NAIVE_CONCURRENCY": "100"}
THREADS = {"NAIVE_POOL": "threads", "NAIVE_CONCURRENCY": "16"}
ONE_PROCESS = {"OCTOWORKER_PROCESSES": "1"}
IN_HUNDREDS = {"DRAMATIQ_IN_ONE": "100"}
AS_MANY = {"DRAMATIQ_THREADS": "64"}
"""In each of two processes: as many calls at once as octoworker makes by default, 128."""

BACKLOG = 10_000
"""Messages of the bulk runs: enough jobs of a hundred for all threads."""

JOB = "its job"
NOTED = "its job, noted while in hand"
RESULT = f"{NOTED}; a result for a day"
RECORD = "a record with history, claim, outcome and ticket, its places in three indexes; for 30 days"

ENTRIES = (
    Entry("raw loop", "raw_loop", writes="one SET"),
    Entry("naive Celery, prefork 2", "naive_celery", writes=RESULT),
    Entry("naive Celery, prefork 2, fed", "naive_celery", count=2000, fed=True, writes=RESULT),
    Entry("naive Celery, threads 16", "naive_celery", settings=THREADS, writes=RESULT),
    Entry("tuned Celery, prefork 2", "tuned_celery", writes=NOTED),
    Entry("huey, 2 x 8 threads", "with_huey", writes="its job; a result"),
    Entry("dramatiq, 2 x 8 threads", "with_dramatiq", writes=NOTED),
    Entry(
        "dramatiq, 100 in a job", "with_dramatiq", count=BACKLOG, settings=IN_HUNDREDS, writes="a hundredth of a job"
    ),
    Entry("rq, 2 workers", "with_rq", writes="its job with times and state; a result for 500 s"),
    Entry("taskiq, 2 processes", "with_taskiq", writes=JOB),
    Entry("saq, 2 processes", "with_saq", writes="its job with times, state and result for 10 min"),
    Entry("octoworker, single enqueue in a crowd", "octoworker_single", writes=RECORD),
    Entry("octoworker, single enqueue, fed", "octoworker_single", count=2000, fed=True, writes=f"{RECORD}; its job"),
    Entry("octoworker, bulk", "octoworker_bulk", count=BACKLOG, writes=f"{RECORD}; a hundredth of a job"),
    Entry("octoworker, single, one process", "octoworker_single", settings=ONE_PROCESS, writes=RECORD),
    Entry("octoworker, bulk, one process", "octoworker_bulk", count=BACKLOG, settings=ONE_PROCESS, writes=RECORD),
    Entry(
        "octoworker, 500 recipients per call",
        "octoworker_recipients",
        count=400,
        per_call=500,
        writes="a five-hundredth of a record, and its own result in it",
    ),
    Entry("naive Celery, gevent 100, 100 ms", "naive_celery", count=1500, delay_ms=100, settings=SLOW, writes=RESULT),
    Entry(
        "dramatiq, 2 x 64 threads, 100 ms", "with_dramatiq", count=BACKLOG, delay_ms=100, settings=AS_MANY, writes=NOTED
    ),
    Entry("octoworker, bulk, 100 ms", "octoworker_bulk", count=BACKLOG, delay_ms=100, writes=RECORD),
)
