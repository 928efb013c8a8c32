"""The older generation: /api/sms, /api/balance, /api/credit, in XML and in JSON."""
