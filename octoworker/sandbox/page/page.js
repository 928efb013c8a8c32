import * as callbacks from "./callbacks.js";
import { $, pause, write } from "./dom.js";
import * as faults from "./faults.js";
import { drawHead, drawHints } from "./head.js";
import { drawWall } from "./wall.js";

const look = { search: "", page: 0 };
let asking = new AbortController(), first = true;

/** Look at something else: the question under way is dropped, the next one is asked at once. */
function lookAt(changes) {
  Object.assign(look, changes);
  asking.abort();
}

function online(yes) {
  document.body.classList.toggle("away", !yes);
  write($("link"), yes ? "Live. Nothing leaves this machine." : "No answer from the sandbox, trying again");
}

async function ask(since, wanted) {
  asking = new AbortController();
  const query = new URLSearchParams({ since, ...wanted });
  return (await fetch(`/_sandbox/watch?${query}`, { signal: asking.signal })).json();
}

async function follow() {
  for (let since = -1, drawn = ""; ; ) {
    const wanted = { ...look }, as = JSON.stringify(wanted);
    try {
      const view = await ask(as === drawn ? since : -1, wanted);
      since = view.version;
      drawHead(view);
      faults.drawFaults(view);
      callbacks.drawCallbacks(view);
      drawWall(view, as === drawn || first, first);
      look.page = Math.min(look.page, view.pages - 1);
      if (first) drawHints(view.login);
      first = false;
      drawn = JSON.stringify({ ...wanted, page: view.page });
      online(true);
      await pause(150); // at most six drawings a second, however busy the workers are
    } catch (error) {
      if (error.name === "AbortError") continue;
      online(false);
      await pause(1000);
    }
  }
}

$("search").oninput = (event) => lookAt({ search: event.target.value, page: 0 });
$("search-form").onsubmit = (event) => event.preventDefault();
$("previous").onclick = () => lookAt({ page: Math.max(0, look.page - 1) });
$("next").onclick = () => lookAt({ page: look.page + 1 });
faults.listen();
callbacks.listen();
follow();
