"""The legacy API of Octopush: forms out, JSON or XML back."""
