"""What a type checker must refuse: each line that ends in `# wrong`, and no other. `make check-types` reads it; nothing runs it."""

from __future__ import annotations

import octoworker
from octoworker import campaign, cancel, enqueue, enqueue_many, reschedule, status

enqueue(recipient="0612345678", text="Bonjour")  # wrong
enqueue(recipients="0612345678", text=b"")  # wrong
enqueue(recipients="0612345678", text="Bonjour", lane="fast")  # wrong
enqueue(recipients="0612345678", text="Bonjour", sms_type="fr")  # wrong
enqueue(recipients="0612345678")  # wrong
enqueue("0612345678", "Bonjour")  # wrong
enqueue(recipients=612345678, text="Bonjour")  # wrong
enqueue(recipients="0612345678", text="Bonjour", transactional="yes")  # wrong
enqueue(recipients="0612345678", text="Bonjour", idempotency_key=4711)  # wrong
enqueue_many([{"recipients": "0612345678"}])  # wrong
octoworker.enqeue(recipients="0612345678", text="Bonjour")  # wrong
campaign("Bonjour {prenom}", [], lane="fast")  # wrong
campaign("Bonjour", [], recipients="0612345678")  # wrong
cancel(4711)  # wrong
cancel("4711", missing_ok=True)["state"]  # wrong
enqueue(recipients="0612345678", text="Bonjour", replace="yes")  # wrong
octoworker.check(recipients="0612345678")  # wrong
reschedule("4711", None)  # wrong
status("4711")["state"]  # wrong
(status("4711") or {})["colour"]  # wrong
octoworker.enqueue_many({"recipients": "0612345678", "text": "Bonjour"})  # wrong
octoworker.send_sms.delay(recipient="0612345678", text="Bonjour")  # wrong
