import { control } from "./control.js";
import { $, clock, count, make, write } from "./dom.js";

const PLURALS = { receipt: "receipts", stop: "STOPs", reply: "replies" };

export function drawCallbacks(view) {
  const events = Object.entries(view.events).map(([kind, n]) => `${count(n)} ${n === 1 ? kind : PLURALS[kind]}`).join(", ");
  write($("callbacks-title"), view.callback_faults ? `Callbacks (${view.callback_faults} answered badly)` : "Callbacks");
  write($("no-bad-answers"), view.callbacks ? `Posted: ${events}.` : "Nobody was called yet.");
  const as = JSON.stringify(view.bad_answers);
  if ($("bad-answers").dataset.as === as) return;
  $("bad-answers").dataset.as = as;
  $("bad-answers").replaceChildren(...view.bad_answers.map((each) =>
    make("li", { textContent: `${clock(each.at)} · ${each.api} ${each.kinds[0]}: ${each.fault}` })));
}

export function listen() {
  $("address").onsubmit = async (event) => {
    event.preventDefault();
    const { url, api } = event.target;
    const [, wrong] = await control("POST", "settings", { callback_url: url.value.trim(), ...(api.value && { api: api.value }) });
    write($("address-wrong"), wrong);
  };
}
