"""What each destination wants of a message: a dated table, what the settings change of it, and what it says of one message."""
