import { $, count, euros, make, write } from "./dom.js";

const CODES = {
  "100": "nothing received", "101": "wrong login or key", "102": "text too long", "103": "no recipient", "104": "not enough credit",
  "106": "bad sender", "107": "empty text", "108": "no login", "109": "no key", "110": "recipients missing", "112": "no sms_type",
  "115": "lists differ in length", "117": "no valid number", "119": "low cost text over 160", "120": "request_id seen before",
  "121": "no STOP mention", "122": "no PUB=STOP missing", "123": "request_sha1 missing", "124": "request_sha1 differs",
  "125": "undefined error", "150": "unknown prefix", "153": "route congested", "157": "cannot be cancelled", "158": "no such ticket",
  "181": "a bad number", "182": "request_id seen before", "189": "text too long", "401": "wrong login or key",
  "500": "action impossible", "501": "connection error",
};

export function drawHead(view) {
  const refused = Object.entries(view.by_code).filter(([code]) => code !== "000");
  write($("calls"), count(view.calls));
  write($("accepted"), count(view.accepted_calls));
  write($("refused"), count(refused.reduce((sum, [, n]) => sum + n, 0)));
  write($("rung"), count(view.rung));
  write($("twice"), count(view.twice));
  write($("callback-faults"), count(view.callback_faults));
  for (const [api, credit] of Object.entries(view.credits)) write($(`credit-${api}`), euros(credit));
  $("twice-box").className = view.twice ? "alarm" : "";
  $("callbacks-box").className = view.callback_faults ? "alarm" : "";
  $("codes").replaceChildren(...refused.map(([code, n]) =>
    make("li", {}, make("b", { textContent: code }), ` ${CODES[code] || ""} × ${count(n)}`)));
}

export function drawHints({ user_login, api_key, urls }) {
  const to = "+33612345678", text = "Hello from the sandbox. STOP au ";
  write($("with-octoworker"), `export OCTOPUSH_URL=${urls.legacy}\nexport OCTOPUSH_USER_LOGIN=${user_login} OCTOPUSH_API_KEY=${api_key}\noctoworker worker &\noctoworker send --to ${to} --sender Octo --text "Hello! STOP au XXXXX"`);
  write($("with-curl"), `curl ${urls.legacy}/sms/json \\\n  -d user_login=${user_login} -d api_key=${api_key} \\\n  -d sms_type=FR -d sms_sender=Octo --data-urlencode "sms_recipients=${to}" \\\n  --data-urlencode "sms_text=Hello! STOP au XXXXX"`);
  $("first-legacy").onclick = () => fetch("/api/sms/json", { method: "POST", body: new URLSearchParams({
    user_login, api_key, sms_type: "FR", sms_sender: "Octo", sms_recipients: to, sms_text: `${text}XXXXX` }) });
  $("first-v1").onclick = () => fetch("/v1/public/sms-campaign/send", { method: "POST",
    headers: { "api-login": user_login, "api-key": api_key, "Content-Type": "application/json" },
    body: JSON.stringify({ recipients: [{ phone_number: to }], text: `${text}30101`, type: "sms_premium", purpose: "wholesale", sender: "Octo" }) });
}
