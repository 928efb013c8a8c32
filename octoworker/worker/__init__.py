"""The Celery process: its application and tasks, the scheduler, what we mend in Celery's consumer, its health."""
