"""A stand-in for Octopush on loopback, written from its documents. It imports nothing of octoworker, on purpose.

with Sandbox() as sandbox:
    sandbox.fault("code", code="104")
    ...                                   # send to sandbox.url
    sandbox.wait(handsets=1)
    sandbox.handsets()["+33612345678"]
"""

from octoworker.sandbox.front import Sandbox

__all__ = ["Sandbox"]
