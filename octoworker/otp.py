"""One-time codes by SMS, under their public name: `from octoworker import otp`."""

from octoworker.client.codes import Checked as Checked, Started as Started, check as check, start as start  # noqa: I001, PLC0414 - a door
