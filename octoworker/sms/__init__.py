"""What an SMS is: arguments, numbers, counting, hours, identity, lanes, states. Pure: no Redis, no Celery, no provider."""
