"""What connects octoworker with a web framework. Nothing here is imported unless the web app names it."""
