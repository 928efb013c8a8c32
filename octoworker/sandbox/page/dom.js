// Texts, senders and numbers come from anywhere: they are only ever set as text, never as markup.
export const $ = (id) => document.getElementById(id);

export function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

/** Write only what changed: a screen reader is told of each write to a live region. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function clock(instant) {
  const at = new Date(instant), today = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleTimeString("en-GB");
  return today ? time : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}

export const count = (n) => n.toLocaleString("en");
export const many = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
export const euros = (text) => `€${Number(text).toLocaleString("en", { minimumFractionDigits: 2 })}`;
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export function spaced(number) {
  return /^\+33\d{9}$/.test(number) ? number.replace(/^(\+33)(\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "$1 $2 $3 $4 $5 $6") : number;
}
