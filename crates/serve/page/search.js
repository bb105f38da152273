// Search as one types: a list below the field, reached by the arrows, opened by Enter.

import { get, paths, Refusal, Silence } from "./api.js";
import { h } from "./dom.js";
import { noteKnown } from "./known.js";
import { belowOf, called, nameOf } from "./people.js";
import { count, handle, personLink, points } from "./words.js";

const FOUND_MAX = 8;
const PAUSE_MS = 90;

/** Networks that names were seen to begin with: nobody types them. */
const networks = new Set();

export function noteNetworks(users) {
  for (const { user } of users) {
    const { network } = handle(user);
    if (network && networks.size < 4) networks.add(network);
  }
}

export function search(form) {
  const input = form.querySelector("input");
  const list = form.querySelector(".found");
  let active = -1;
  let asked = null;
  let timer = null;

  const close = () => {
    asked?.abort();
    clearTimeout(timer);
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  };
  const go = (href) => {
    close();
    input.value = "";
    input.blur();
    location.hash = href;
  };
  const mark = (place) => {
    const options = list.querySelectorAll("[role=option]");
    if (options.length === 0) return;
    active = (place + options.length) % options.length;
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === active)));
    input.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  };
  const show = (users, text) => {
    const options = users.map((one, place) => option(one, place, go));
    noteKnown(users);
    if (options.length === 0)
      return tell(`No name begins with “${text}”, and none of the most influential ones has it inside.`);
    open(options);
  };
  const open = (entries) => {
    list.replaceChildren(...entries);
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    active = -1;
  };
  /** Something that nobody can choose. */
  const tell = (words) => open([h("li", { class: "none", role: "status" }, words)]);
  const ask = async () => {
    asked?.abort();
    const text = typed();
    if (text === "") return close();
    asked = new AbortController();
    const { signal } = asked;
    try {
      const users = await find(text, signal);
      if (!signal.aborted) show(users, text);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Silence) tell("The server does not answer. Search goes on when it is back.");
      else if (error instanceof Refusal) tell(`The server cannot search now: ${error.message}.`);
      else throw error;
    }
  };
  /** Handles are often written with an @ before them. */
  const typed = () => input.value.trim().replace(/^@/, "");

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(active + (event.key === "ArrowDown" ? 1 : active < 0 ? 0 : -1));
    } else if (event.key === "Escape") {
      close();
      input.value = "";
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (active >= 0) return go(list.querySelectorAll("[role=option]")[active].dataset.href);
    if (typed() === "") return undefined;
    clearTimeout(timer);
    await ask();
    const first = list.querySelector("[role=option]");
    if (first) return go(first.dataset.href);
    // Said once more, to those who listen.
    list.querySelector(".none")?.classList.add("again");
    return undefined;
  });
  // Whoever is somewhere else by now has found what was looked for.
  window.addEventListener("hashchange", () => {
    close();
    input.value = "";
  });
  form.addEventListener("focusout", (event) => form.contains(event.relatedTarget) || close());
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea, select");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
    }
  });
}

/** Those whose name, handle or shown name begins so, with its network or behind it; then those who have it somewhere inside. */
async function find(text, signal) {
  const prefixes = new Set([text, text.toLowerCase()]);
  for (const network of networks) {
    if (!text.includes(":")) prefixes.add(`${network}:${text}`).add(`${network}:${text.toLowerCase()}`);
  }
  const questions = [
    ...[...prefixes].map((prefix) => paths.search(prefix, FOUND_MAX)),
    paths.searchInside(text, FOUND_MAX),
  ];
  const answers = await Promise.all(questions.map((question) => get(question, signal)));
  const found = new Map(answers.flatMap(({ users }) => users).map((one) => [one.user, one]));
  // Whoever types `ma` hardly means everybody on Mastodon.
  const wanted = text.toLowerCase();
  const nearness = (one) => {
    const { name, below } = called(one);
    const names = [handle(one.user).name, name, below.replace(/^@/, "")].map((text) => text.toLowerCase());
    const near = (name) => (name === wanted ? 3 : name.startsWith(wanted) ? 2 : name.includes(wanted) ? 1 : 0);
    return Math.max(...names.map(near));
  };
  return [...found.values()].sort((a, b) => nearness(b) - nearness(a) || a.rank - b.rank).slice(0, FOUND_MAX);
}

function option(one, place, go) {
  const { user, rank, score } = one;
  const href = personLink(user);
  return h(
    "li",
    {
      id: `found-${place}`,
      role: "option",
      "aria-selected": "false",
      "data-href": href,
      // The field keeps the focus; a click would take it away before it arrives.
      pointerdown: (event) => event.preventDefault(),
      click: () => go(href),
    },
    nameOf(one),
    belowOf(one),
    h("span", { class: "cell-rank" }, `#${count(rank)}`),
    h("span", { class: "mover-score" }, points(score)),
  );
}
