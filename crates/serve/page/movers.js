// Who rose and who fell most in a day, a week or a month, where the server keeps closes.

import { get, paths, repeat } from "./api.js";
import { arrange, card, h } from "./dom.js";
import { onStatus } from "./status.js";

const EVERY_MS = 10_000;
const EACH = 5;
const SPANS = ["day", "week", "month"];

/** `row` says how somebody who moved is shown. */
export function moversCard(row, signal) {
  const up = h("ol", { class: "movers", "aria-label": "Who rose most" });
  const down = h("ol", { class: "movers", "aria-label": "Who fell most" });
  const quiet = h("p", { class: "quiet", hidden: true }, "Nobody has moved since a close that is old enough.");
  let span = SPANS[0];
  const choose = (one) => {
    span = one;
    mark();
    refresh();
  };
  const buttons = SPANS.map((one) =>
    h("button", { type: "button", click: () => choose(one) }, `${one[0].toUpperCase()}${one.slice(1)}`),
  );
  const mark = () => {
    for (const [place, button] of buttons.entries()) {
      button.setAttribute("aria-pressed", String(SPANS[place] === span));
    }
  };
  mark();
  const choice = h("div", { class: "choice", role: "group", "aria-label": "In how long" }, buttons);
  const element = card("movers-card", "most-moved", "Movers", choice, up, down, quiet);
  element.hidden = true;
  const refresh = repeat(EVERY_MS, signal, async () => {
    if (element.hidden) return;
    const answer = await get(paths.movers(span, EACH), signal);
    const moved = ({ person, change }) => ({ ...person, moved: change });
    arrange(up, answer.up.map(moved), row);
    arrange(down, answer.down.map(moved), row);
    quiet.hidden = answer.up.length + answer.down.length > 0;
  });
  onStatus(({ view }) => {
    const isKept = Boolean(view?.closes);
    if (element.hidden !== isKept) return;
    element.hidden = !isKept;
    refresh();
  }, signal);
  return element;
}
