// Why a score moved: a bar for each part, and the largest of them in words.

import { h, say } from "./dom.js";
import { capital, reason, REASONS, signed } from "./words.js";

/** A movement with a sign, a word for those who listen, and a colour for those who see it. */
export function showChange(element, moved) {
  const text = signed(moved);
  element.dataset.way = text === "0.0" ? "none" : moved > 0 ? "up" : "down";
  say(element, text === "0.0" ? "–" : text);
}

/** The bars of some movements: points that each part added over them, and how long each bar is. */
export function barsOf(movements) {
  const sums = Object.keys(REASONS).map((part) => ({
    part,
    moved: movements.reduce((sum, { parts }) => sum + parts[part], 0),
  }));
  const most = Math.max(...sums.map(({ moved }) => Math.abs(moved)), 0.5);
  return sums.map((sum) => ({ ...sum, share: sum.moved / most }));
}

/** How a bar is made once, and shown. */
export const REASON = {
  key: ({ part }) => part,
  make: () => {
    const parts = {
      word: h("span", { class: "reason-word" }),
      bar: h("span", { class: "reason-fill" }),
      number: h("span", { class: "cell-change" }),
    };
    const element = h(
      "li",
      {},
      parts.word,
      h("span", { class: "reason-bar", "aria-hidden": "true" }, parts.bar),
      parts.number,
    );
    element.parts = parts;
    return element;
  },
  show: (element, { part, moved, share }) => {
    const { word, bar, number } = element.parts;
    const isNone = signed(moved) === "0.0";
    element.dataset.way = isNone ? "none" : moved > 0 ? "up" : "down";
    say(word, capital(isNone ? QUIET[part] : reason(part, moved)));
    bar.style.setProperty("--from", share < 0 ? (0.5 + share / 2).toFixed(4) : "0.5");
    bar.style.setProperty("--long", (Math.abs(share) / 2).toFixed(4));
    showChange(number, moved);
  },
};

/** What a part is called when it stands still. */
const QUIET = {
  reach: "fans",
  amplification: "how much each acts",
  network: "how much they count",
  openness: "openness",
  room: "room for strangers' votes",
  audience: "audience",
  scale: "what 100 stands for",
};
