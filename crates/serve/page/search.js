// Search as one types: a list below the field, reached by the arrows, opened by Enter.

import { get, paths, Refusal, Silence } from "./api.js";
import { h } from "./dom.js";
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
    list.replaceChildren(...(options.length > 0 ? options : [h("li", { class: "none", role: "presentation" }, `Nobody’s name begins with “${text}”.`)]));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    active = -1;
  };
  const ask = async () => {
    asked?.abort();
    const text = input.value.trim();
    if (text === "") return close();
    asked = new AbortController();
    const { signal } = asked;
    try {
      const users = await find(text, signal);
      if (!signal.aborted) show(users, text);
    } catch (error) {
      if (!signal.aborted && !(error instanceof Silence || error instanceof Refusal)) throw error;
    }
  };

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
    if (input.value.trim() === "") return undefined;
    await ask();
    const first = list.querySelector("[role=option]");
    return first ? go(first.dataset.href) : undefined;
  });
  form.addEventListener("focusout", (event) => form.contains(event.relatedTarget) || close());
  document.addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
    }
  });
}

/** Those whose name begins so, with its network or behind it. */
async function find(text, signal) {
  const prefixes = new Set([text, text.toLowerCase()]);
  for (const network of networks) {
    if (!text.includes(":")) prefixes.add(`${network}:${text}`).add(`${network}:${text.toLowerCase()}`);
  }
  const answers = await Promise.all([...prefixes].map((prefix) => get(paths.search(prefix, FOUND_MAX), signal)));
  const found = new Map(answers.flatMap(({ users }) => users).map((one) => [one.user, one]));
  // Whoever types `ma` hardly means everybody on Mastodon.
  const isNamed = ({ user }) => handle(user).name.toLowerCase().startsWith(text.toLowerCase());
  return [...found.values()].sort((a, b) => isNamed(b) - isNamed(a) || a.rank - b.rank).slice(0, FOUND_MAX);
}

function option({ user, rank, score }, place, go) {
  const { name, network } = handle(user);
  const href = personLink(user);
  return h("li", {
    id: `found-${place}`,
    role: "option",
    "aria-selected": "false",
    "data-href": href,
    // The field keeps the focus; a click would take it away before it arrives.
    pointerdown: (event) => event.preventDefault(),
    click: () => go(href),
  }, h("span", { class: "name" }, name), h("span", { class: "network" }, network), h("span", { class: "cell-rank" }, `#${count(rank)}`), h("span", { class: "mover-score" }, points(score)));
}
