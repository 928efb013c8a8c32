import { control } from "./control.js";
import { $, make, many, write } from "./dom.js";

const FIELDS = {
  seconds: { label: "Seconds", type: "number", step: "any", min: 0 }, code: { label: "error_code", placeholder: "125" },
  hold: { label: "Seconds it waits for the caller to go", type: "number", step: "any", min: 0 },
  status: { label: "HTTP status", type: "number", value: 503 }, accept: { label: "take the call all the same", type: "checkbox" },
  retry_after: { label: "Retry-After (optional)" }, name: { label: "Name of the gate", placeholder: "here" },
  body: { label: "JSON body (empty: a web page)" }, when: { label: "Where it stands", choices: ["before", "after"] },
  codes: { label: "Numbers and their codes", placeholder: "+33612345678:150, +33…:153" },
};
let kinds = {};

export function drawFaults(view) {
  drawForm(view);
  const gates = Object.entries(view.gates).map(([name, n]) => {
    const open = make("button", { type: "button", textContent: "Let through" });
    open.onclick = () => control("POST", `gates/${encodeURIComponent(name)}/open`);
    return make("li", { className: "gate" }, `${many(n, "call")} at gate ${name}`, open);
  });
  const as = JSON.stringify([view.gates, view.faults]);
  if ($("faults").dataset.as !== as) $("faults").replaceChildren(...gates, ...view.faults.map((fault) => make("li", { textContent: wording(fault) })));
  $("faults").dataset.as = as;
  $("no-faults").hidden = gates.length + view.faults.length > 0;
  write($("panel-title"), view.faults.length ? `Faults (${view.faults.length} active)` : "Faults");
}

function wording(fault) {
  const { id, fault: kind, times, call, api, recipient, ...options } = fault;
  const how = Object.entries(options).filter(([, value]) => value !== "")
    .map(([name, value]) => `${name === kind ? "" : `${name} `}${typeof value === "object" ? Object.entries(value).map((pair) => pair.join(":")).join(", ") : value}`);
  const often = times < 0 ? "until cleared" : times === 1 ? "once" : `${times} times`;
  return [[kind, how.join(", ")].join(" ").trim(), often, recipient && `to ${recipient}`, call !== "sms" && `on ${call}`, api].filter(Boolean).join(" · ");
}

function drawForm(view) {
  if (Object.keys(kinds).length) return;
  kinds = view.kinds;
  $("kind").replaceChildren(...Object.keys(kinds).map((kind) => make("option", { value: kind, textContent: kind })));
  $("call").replaceChildren(...view.fault_calls.map((call) => make("option", { textContent: call })));
  $("kind").onchange = drawOptions;
  drawOptions();
}

function drawOptions() {
  const { story, options } = kinds[$("kind").value];
  write($("story"), story[0].toUpperCase() + story.slice(1) + ".");
  $("options").replaceChildren(...Object.entries(options).map(([name, preset]) => field(name, preset)));
}

function field(name, preset) {
  const { label, choices, ...props } = FIELDS[name];
  if (choices) return make("label", {}, label, make("select", { name }, ...choices.map((value) => make("option", { value, textContent: value }))));
  const input = make("input", { name, type: "text", ...props, required: preset === null });
  if (props.type === "checkbox") { input.checked = preset; return make("label", { className: "check" }, input, label); }
  if (preset !== null) input.value = preset;
  return make("label", {}, label, input);
}

function scripted(form) {
  const wanted = { fault: $("kind").value, times: Number(form.times.value), call: $("call").value };
  if (form.api.value) wanted.api = form.api.value;
  if (form.recipient.value.trim()) wanted.recipient = form.recipient.value.replace(/\s/g, "");
  for (const input of $("options").querySelectorAll("[name]")) {
    const value = input.type === "checkbox" ? input.checked : input.type === "number" ? Number(input.value) : input.value.trim();
    wanted[input.name] = input.name === "codes" ? Object.fromEntries(value.split(",").map((pair) => pair.split(":").map((word) => word.trim()))) : value;
  }
  return wanted;
}

export function listen() {
  $("script").onsubmit = async (event) => {
    event.preventDefault();
    write($("wrong"), (await control("POST", "faults", scripted(event.target)))[1]);
  };
  $("clear").onclick = () => control("DELETE", "faults");
  $("reset").onclick = () => control("POST", "reset");
  $("panel").open = matchMedia("(min-width: 861px)").matches;
}
