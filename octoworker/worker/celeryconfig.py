"""Celery's settings, each non-default with its reason. What each answers was measured on celery 5.7.0 and Redis 7.

`celery -A octoworker.worker.app worker` and `octoworker worker` both read this; the numbers come from `octoworker settings`.
"""

from __future__ import annotations

import math
from typing import Any

from kombu import Queue

from octoworker.client.broker import address
from octoworker.config import Settings
from octoworker.sms import jobs, lanes
from octoworker.store import SOCKET_TIMEOUT
from octoworker.store.primary import SENTINEL_TIMEOUT

_settings = Settings.load()

_broker = address(_settings.redis.broker, SENTINEL_TIMEOUT)
_results = address(_settings.redis.results, SENTINEL_TIMEOUT)
broker_url, broker_use_ssl = _broker.url, _broker.tls
result_backend, redis_backend_use_ssl = _results.url, _results.tls

# JSON only: a pickle in the queue would be code of a stranger's.
task_serializer = result_serializer = event_serializer = "json"
accept_content = result_accept_content = ["json"]

# Own queues only: a web app that shares this Redis keeps its `celery` queue to itself.
task_queues = [Queue(name) for name in lanes.QUEUES.values()]
task_default_queue = lanes.QUEUES["normal"]
task_create_missing_queues = True


def _route(_name: str, _args: Any, kwargs: dict[str, Any] | None, _options: Any, **_: Any) -> dict[str, str]:
    """Each message goes to the queue of its lane."""
    return {"queue": lanes.queue_of(lanes.lane_of(kwargs or {}))}


task_routes = (_route,)

# A job is acknowledged when its outcome is in Redis, not when it is picked up.
task_acks_late = True
# The clock brings a message back whose worker died. Requeueing here would make a poison job loop for ever.
task_reject_on_worker_lost = False
# One job per free thread: what a worker hoards, others cannot take, and a kill delays.
worker_prefetch_multiplier = 1
# Needs a result backend that never fails, else every redelivered job dies. Our claim does this better.
worker_deduplicate_successful_tasks = False

# Celery 5.7.0 exits when Redis goes away with a job in flight; and it must outlive OOM, READONLY and long outages.
worker_consumer = "octoworker.worker.consumer:LastingConsumer"
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_channel_error_retry = True
worker_cancel_long_running_tasks_on_connection_loss = False

broker_transport_options = {
    # The worker refuses to boot unless lease < this, and the ETA horizon <= a quarter of it.
    "visibility_timeout": _settings.visibility_timeout,
    # An OTP is taken before a campaign's jobs.
    "queue_order_strategy": "octoworker.worker.lane_order:UrgentFirst",
    # We use lanes and not priorities: one list per lane to look at, not four.
    "priority_steps": [0],
    # Look for jobs of dead workers every few seconds, not every 100.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A sweeper killed with the lock in hand must not stop the others for five minutes.
    "unacked_mutex_expire": 30,
    "unacked_restore_limit": 1000,
    # A half-open link is noticed in seconds. Must exceed the second that BRPOP waits.
    "socket_timeout": SOCKET_TIMEOUT,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
    **_broker.options,
}
broker_pool_limit = 10
broker_pool_acquire_timeout = 5

# One backend for all threads: without this Celery builds one per thread, with its own connections.
result_backend_thread_safe = True
redis_socket_timeout = SOCKET_TIMEOUT
redis_socket_connect_timeout = 3
redis_socket_keepalive = True
redis_backend_health_check_interval = 25
result_backend_transport_options = {
    "retry_policy": {"max_retries": 2, "interval_start": 0, "interval_max": 0.2},
    **_results.options,
}
result_expires = 24 * 3600
task_publish_retry_policy = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}

# Prefork only: a child that is still there when its lease has ended is killed. Threads cannot be.
task_time_limit = _settings.lease
# A job of many messages holds two leases, one after the other.
task_annotations = {
    name: {"time_limit": math.ceil(2 * _settings.lease)} for name in (jobs.BULK_TASK, jobs.TOGETHER_TASK)
}
# What is active when a worker begins to end has this long; then it is left to its lease (worker/ending.py).
worker_soft_shutdown_timeout = _settings.send_budget + _settings.record_budget

# Our events are the log; Celery's records join them (octoworker.telemetry.log).
worker_hijack_root_logger = False
worker_redirect_stdouts = False
task_send_sent_event = False
