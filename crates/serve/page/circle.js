// Who influences whom, where the server keeps credits: those who acted on somebody, and those on whom they acted.

import { get, paths, repeat } from "./api.js";
import { arrange, card, h, say } from "./dom.js";
import { lineOf, showCalled } from "./people.js";
import { votes } from "./words.js";

const EVERY_MS = 60_000;
const SPANS = ["day", "week", "month"];

/** `place` puts the card on the page, once somebody can be told. */
export function circleCard(signal, place) {
  const fans = side("Fans", "They acted on this person, and gave most");
  const idols = side("Acts on", "This person acted on them, and gave most");
  const buttons = SPANS.map((one) =>
    h("button", { type: "button", click: () => choose(one) }, `${one[0].toUpperCase()}${one.slice(1)}`),
  );
  const choice = h("div", { class: "choice", role: "group", "aria-label": "Acts of which days" }, buttons);
  const element = card("circle-card", "circle", "Circle", choice, fans.element, idols.element);
  let user = null;
  let span = SPANS[2];
  let asked = 0;

  const choose = (one) => {
    span = one;
    mark();
    follow();
  };
  const mark = () => {
    for (const [number, button] of buttons.entries()) {
      button.setAttribute("aria-pressed", String(SPANS[number] === span));
    }
  };
  mark();
  const follow = async () => {
    const question = (asked += 1);
    const circle = await get(paths.circle(user, span), signal);
    if (question !== asked) return;
    if (!element.isConnected) {
      if (circle.fans_votes + circle.idols_votes === 0) return;
      place(element);
    }
    fans.show(circle.fans, circle.fans_votes);
    idols.show(circle.idols, circle.idols_votes);
  };
  /** Whose circle it is. */
  const show = (answer) => {
    if (user !== null) return;
    user = answer.user;
    repeat(EVERY_MS, signal, follow);
  };
  return { show };
}

function side(title, label) {
  const list = h("ol", { class: "neighbours", "aria-label": label });
  const note = h("p", { class: "note" });
  const element = h("div", { class: "circle-side" }, h("h3", {}, title), list, note);
  const show = (parts, total) => {
    arrange(
      list,
      parts.map(({ person, share }) => ({ ...person, share })),
      PART,
    );
    const named = parts.reduce((sum, part) => sum + part.votes, 0);
    const others = Math.max(0, total - named);
    if (total === 0) return say(note, "Nobody in this time.");
    return say(
      note,
      others > total / 1000 ? `Others, who are not named: ${percent(others / total)}` : `${votes(total)} votes`,
    );
  };
  return { element, show };
}

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

const PART = {
  key: ({ user }) => user,
  make: (one) => {
    const parts = { person: h("span", { class: "cell-person" }), share: h("span", { class: "mover-score" }) };
    const element = h("li", {}, lineOf(one, [parts.person, parts.share]));
    element.parts = parts;
    return element;
  },
  show: (element, one) => {
    const { parts } = element;
    showCalled(element, parts.person, one);
    say(parts.share, percent(one.share));
  },
};
