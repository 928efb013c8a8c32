"""What octoworker says about itself: log, events, metrics, traces, reports of bugs. It may fail; it never touches a send."""
