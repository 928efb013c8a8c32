"""A stand-in for Octopush on loopback, written from its documents. It imports nothing of octoworker, on purpose.

with Sandbox() as sandbox:
    sandbox.fault("code", code="104")
    ...                                   # send to sandbox.urls["legacy"] or sandbox.urls["v1"]
    sandbox.wait(handsets=1)
    sandbox.handsets()["+33612345678"]
    sandbox.settings(callback_url="http://127.0.0.1:8026/octopush/token")
    sandbox.type("+33612345678", "STOP")  # and wait(callbacks=1)

Both generations of the API stand on one port. They share the handsets, the clock and the log of calls; each login has
an account of its own in each, so keys, credit and blacklists are never shared. How a call goes: front, desk, the
dialect (legacy or v1), account, world.
"""

from octoworker.sandbox.front import Sandbox

__all__ = ["Sandbox"]
