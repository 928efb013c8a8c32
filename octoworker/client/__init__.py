"""What other people's code imports to have SMS sent: enqueue, campaign, status, cancel, reschedule."""
