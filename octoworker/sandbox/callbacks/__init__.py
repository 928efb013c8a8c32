"""What Octopush says of its own accord: receipts, replies and STOPs, posted to the account's addresses."""
