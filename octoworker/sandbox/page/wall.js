import { control } from "./control.js";
import { $, clock, make, many, spaced, write } from "./dom.js";

let phones = new Map(); // number -> { node, as, seen }

function bubble(sms, held, fresh) {
  const meta = make("div", { className: "meta" });
  if (sms.twice) meta.append(make("span", { className: "badge", textContent: "twice" }));
  meta.append(held ? `arrives at ${clock(sms.due_at)}` : clock(sms.at));
  if (sms.api !== "legacy") meta.append(` · ${sms.api}`);
  if (sms.segments > 1) meta.append(` · ${many(sms.segments, "segment")}`);
  const kind = (held ? " held" : sms.twice ? " twice" : "") + (fresh ? " fresh" : "");
  return make("li", { className: "bubble" + kind, title: `ticket ${sms.ticket}${sms.request_id ? `\nrequest_id ${sms.request_id}` : ""}` },
    make("div", { className: "from", textContent: sms.sender }),
    make("div", { className: "text", textContent: sms.shown }), meta);
}

function answerForm(number) {
  const input = make("input", { name: "text", type: "text", placeholder: "Answer, or STOP", autocomplete: "off", maxLength: 160, required: true });
  input.setAttribute("aria-label", `Answer from ${spaced(number)}`);
  const said = make("p", { className: "said" });
  said.setAttribute("role", "status");
  const form = make("form", {}, input, make("button", { textContent: "Send" }), said);
  form.onsubmit = async (event) => {
    event.preventDefault();
    const [answer, wrong] = await control("POST", "type", { number, text: input.value });
    if (!wrong) input.value = "";
    write(said, wrong || `Sent as ${answer.events.join(" and ")}.`);
  };
  return form;
}

/** A new handset without its content. Its form is made once and never again, so that what was typed stays. */
function phone(number) {
  const title = make("h3", {}, spaced(number), make("span"));
  const list = make("ul", { tabIndex: 0 });
  list.setAttribute("aria-label", `Messages of ${spaced(number)}`);
  return make("article", { className: "phone" }, make("div", { className: "screen" }, title, list, answerForm(number)));
}

function fill(node, card, seen, first) {
  const total = card.messages.length + card.more;
  const stopped = card.stopped.length ? ` · said STOP` : "";
  write(node.querySelector("h3 span"), (total ? `${total} SMS` : "waiting") + stopped);
  const rung = card.messages.map((sms, at) => bubble(sms, false, !first && at < total - seen));
  const list = node.querySelector("ul");
  list.replaceChildren(...card.held.map((sms) => bubble(sms, true)), ...rung);
  if (card.more) list.append(make("li", { className: "meta", textContent: `and ${card.more} before` }));
  node.classList.toggle("alarm", card.messages.some((sms) => sms.twice));
  return total;
}

const inUse = (node) => node.contains(document.activeElement) || node.querySelector("input").value !== "";

/** Put the nodes in order. The one with the focus is never moved, as moving takes the focus away. */
function arrange(wall, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...wall.children]) if (!wanted.has(child)) child.remove();
  let at = wall.firstChild;
  for (const node of nodes) {
    if (node.contains(document.activeElement)) {
      while (at && at !== node) { const next = at.nextSibling; wall.append(at); at = next; }
    }
    if (node === at) at = at.nextSibling;
    else wall.insertBefore(node, at);
  }
}

/** Draw the handsets of this view; `same` when it is of the page and the search drawn before. */
export function drawWall(view, same, first) {
  const next = new Map();
  for (const card of view.handsets) {
    const old = phones.get(card.recipient), as = JSON.stringify(card);
    const node = old ? old.node : phone(card.recipient);
    const seen = old && old.as === as ? old.seen : fill(node, card, old ? old.seen : 0, first || !same);
    next.set(card.recipient, { as, node, seen });
  }
  // Somebody types on a handset that others have pushed off the page: it stays until they are done.
  if (same) for (const [number, old] of phones) if (!next.has(number) && inUse(old.node)) next.set(number, old);
  phones = next;
  arrange($("wall"), [...next.values()].map(({ node }) => node));
  const none = !view.all;
  $("empty").hidden = !none;
  $("handsets").hidden = none;
  const pages = view.pages > 1 ? `, page ${view.page + 1} of ${view.pages}` : "";
  write($("found"), (view.found === view.all ? many(view.all, "handset") : `${view.found} of ${many(view.all, "handset")}`) + pages);
  $("pages").hidden = view.pages < 2;
  $("previous").disabled = view.page === 0;
  $("next").disabled = view.page >= view.pages - 1;
}
