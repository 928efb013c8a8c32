"""octoworker: SMS through Octopush, never twice, never lost."""
