"use strict";
// Looks again every few seconds and replaces the parts that have changed: what somebody types, and where they are, stays.
(() => {
  const every = Number(document.body.dataset.every) * 1000;
  const button = document.getElementById("pause");
  const stale = document.getElementById("stale");
  if (!every || !button) return;
  let paused = false;

  const named = (root) => [...root.querySelectorAll("[data-part]")];

  const replace = (old, fresh) => {
    if (old.innerHTML === fresh.innerHTML) return;
    const held = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    old.replaceChildren(...fresh.childNodes);
    if (held) old.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  };

  const show = (fresh) => {
    const mine = named(document), theirs = named(fresh);
    const same = mine.map((part) => part.dataset.part).join() === theirs.map((part) => part.dataset.part).join();
    if (same) mine.forEach((part, n) => replace(part, theirs[n]));
    else replace(document.querySelector("main"), fresh.querySelector("main"));
  };

  const look = async () => {
    if (!paused && !document.hidden) {
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        show(new DOMParser().parseFromString(await answer.text(), "text/html"));
        stale.hidden = true;
      } catch {
        stale.hidden = false;
      }
    }
    setTimeout(look, every);
  };

  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
  });
  button.hidden = false;
  setTimeout(look, every);
})();
