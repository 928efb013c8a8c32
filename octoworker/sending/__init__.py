"""One message, one step: read it, claim it, call, decide what the answer means, settle. Knows nothing of Celery."""
