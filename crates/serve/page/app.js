// The frame: which page is shown, the theme, the search, and whether the server answers.

import { onConnection, onTokenWanted, token } from "./api.js";
import { h, say } from "./dom.js";
import { missing } from "./missing.js";
import { person } from "./person.js";
import { pipeline } from "./pipeline.js";
import { ranking } from "./ranking.js";
import { search } from "./search.js";
import { onStatus, watchStatus } from "./status.js";
import { chooseTheme } from "./theme-button.js";
import { tokenForm } from "./token.js";
import { ago, span } from "./words.js";

/** A silence shorter than that is not worth a word. */
const SILENCE_MS = 700;
const BACK_MS = 4_000;
/** What was scored longer ago is not live. */
const LIVE_MS = 15_000;
/** How long a page has to be as long as it was when somebody left it. */
const RESTORE_MS = 3_000;

const main = document.querySelector("main");
let leave = new AbortController();

/** The page that an address names, and whom it is about. */
function route() {
  const [, place = "", ...rest] = location.hash.replace(/^#/, "").split("/");
  if (place === "pipeline") return ["pipeline", pipeline, null];
  const user = decoded(rest.join("/"));
  if ((place === "u" || place === "user") && user) return ["person", person, user];
  if (place === "" && !user) return ["ranking", ranking, null];
  return ["missing", missing, location.hash];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function show(isFirst) {
  const [name, page, subject] = route();
  leave.abort();
  leave = new AbortController();
  document.title = "Clout";
  document.body.dataset.page = name;
  for (const link of document.querySelectorAll(".places a")) {
    link.toggleAttribute("aria-current", false);
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
  }
  const root = h("div", { class: `page ${name}-page` });
  main.replaceChildren(root);
  const known = history.state ?? {};
  page(root, subject, leave.signal, { known, remember });
  if (!isFirst) main.querySelector("h1")?.focus({ preventScroll: true });
  if (!isFirst || known.scroll) scrollWhenThere(known.scroll ?? 0, leave.signal);
}

/** Keeps with this entry of the history what its page wants to know when somebody comes back to it. */
function remember(what) {
  history.replaceState({ ...history.state, ...what }, "");
}

/** Goes to where somebody was; what is there comes from the server first. */
function scrollWhenThere(top, signal) {
  const began = performance.now();
  const turn = () => {
    if (signal.aborted) return;
    scrollTo(0, top);
    if (scrollY < top - 1 && performance.now() - began < RESTORE_MS) requestAnimationFrame(turn);
  };
  turn();
}

function rememberScroll() {
  history.scrollRestoration = "manual";
  let timer = null;
  addEventListener("scroll", () => {
    clearTimeout(timer);
    const entry = location.hash;
    timer = setTimeout(() => location.hash === entry && remember({ scroll: Math.round(scrollY) }), 100);
  }, { passive: true });
}

/** Instead of whatever was there: without a token there is nothing to see. */
function wantToken() {
  if (document.body.dataset.page === "token") return;
  leave.abort();
  leave = new AbortController();
  document.body.dataset.page = "token";
  const root = h("div", { class: "page token-page" });
  main.replaceChildren(root);
  tokenForm(root, token.get() !== null, () => show(false));
}

function watchConnection() {
  const pulse = document.querySelector(".pulse");
  const word = pulse.querySelector(".pulse-word");
  const notice = document.querySelector(".notice");
  let timer = null;
  let wasLost = false;
  const lost = () => {
    wasLost = true;
    pulse.dataset.state = "lost";
    say(word, "Reconnecting");
    notice.dataset.state = "lost";
    notice.textContent = "The server does not answer. What you see is from before; it goes on by itself as soon as the server is back.";
    notice.hidden = false;
  };
  const back = () => {
    if (!wasLost) return;
    wasLost = false;
    notice.dataset.state = "back";
    notice.textContent = "The server is back.";
    timer = setTimeout(() => (notice.hidden = true), BACK_MS);
  };
  onStatus(({ view }) => {
    const [state, words] = pulseOf(view);
    pulse.dataset.state = state;
    say(word, words);
  });
  onConnection((isAnswering) => {
    clearTimeout(timer);
    if (isAnswering) back();
    else timer = setTimeout(lost, SILENCE_MS);
  });
}

/** Whether scores are being made: that the server answers is not enough. */
function pulseOf(view) {
  if (!view) return ["quiet", "No scores here"];
  if (!view.ready) return ["waiting", "Catching up"];
  const scored = view.scored_ms_ago ?? null;
  if (scored === null) return ["quiet", "Nothing scored yet"];
  return scored < LIVE_MS ? ["live", "Live"] : ["quiet", `Last scored ${ago(scored)}`];
}

/** What is made up says so, on every page. */
function showWhatItIs() {
  const line = document.querySelector(".made-up");
  onStatus(({ demo, pipeline }) => {
    line.hidden = !demo;
    if (demo) say(line, `${demo.what}: ${span(demo.speed * 1_000)} of it ${demo.speed >= 1.5 ? "pass" : "passes"} in a second.`);
    document.querySelector('.places [data-page="pipeline"]').hidden = !pipeline;
  });
}

// The address of a page is behind the #, so that a click on this link must not change it.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
onTokenWanted(wantToken);
watchConnection();
showWhatItIs();
watchStatus();
rememberScroll();
chooseTheme(document.querySelector(".theme"));
search(document.querySelector(".search"));
addEventListener("hashchange", () => show(false));
show(true);
