"""Other ways to send the same messages, each in its own file, and what measures them. `make bench-contenders`."""
