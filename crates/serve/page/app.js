// The frame: which page is shown, the theme, the search, and whether the server answers.

import { onConnection, onTokenWanted, token } from "./api.js";
import { h, say } from "./dom.js";
import { person } from "./person.js";
import { pipeline } from "./pipeline.js";
import { ranking } from "./ranking.js";
import { search } from "./search.js";
import { tokenForm } from "./token.js";

/** A silence shorter than that is not worth a word. */
const SILENCE_MS = 700;
const BACK_MS = 4_000;

const main = document.querySelector("main");
let leave = new AbortController();

/** The page that an address names, and whom it is about. */
function route() {
  const [, place = "", ...rest] = location.hash.replace(/^#/, "").split("/");
  if (place === "pipeline") return ["pipeline", pipeline, null];
  const user = decoded(rest.join("/"));
  if ((place === "u" || place === "user") && user) return ["person", person, user];
  return ["ranking", ranking, null];
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
  page(root, subject, leave.signal);
  if (!isFirst) {
    scrollTo(0, 0);
    main.querySelector("h1")?.focus({ preventScroll: true });
  }
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
    pulse.dataset.state = "live";
    say(word, "Live");
    if (!wasLost) return;
    wasLost = false;
    notice.dataset.state = "back";
    notice.textContent = "The server is back. Scores are live again.";
    timer = setTimeout(() => (notice.hidden = true), BACK_MS);
  };
  onConnection((isAnswering) => {
    clearTimeout(timer);
    if (isAnswering) back();
    else timer = setTimeout(lost, SILENCE_MS);
  });
}

function chooseTheme() {
  const root = document.documentElement;
  document.querySelector(".theme").addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // Where nothing may be kept, the choice holds until the page is closed.
    }
  });
}

// The address of a page is behind the #, so that a click on this link must not change it.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
onTokenWanted(wantToken);
watchConnection();
chooseTheme();
search(document.querySelector(".search"));
addEventListener("hashchange", () => show(false));
show(true);
