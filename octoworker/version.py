"""The version of octoworker, in a module of its own: what needs only this imports only this."""

__version__ = "0.1.0"
