"""The newer generation: JSON below /v1/public, and real HTTP statuses."""
