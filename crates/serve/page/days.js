// How somebody moved day by day, where the server keeps closes: the chart of a year, and why.

import { get, paths, Refusal, repeat } from "./api.js";
import { history, OF_DAYS } from "./charts.js";
import { arrange, card, h, say, shown } from "./dom.js";
import { barsOf, REASON, showChange } from "./reasons.js";
import { because, capital, day, plural, signed } from "./words.js";

const DAY_MS = 86_400_000;
const YEAR = 365;
/** A close a day is not worth a question a second. */
const EVERY_MS = 60_000;
const SPANS = [
  { words: "Day", days: 1 },
  { words: "Week", days: 7 },
  { words: "Month", days: 30 },
  { words: "Year", days: YEAR },
];

/** The day of a time, as the API writes it. */
const dateOf = (at) => new Date(at).toISOString().slice(0, 10);
/** The end of a day. */
const endOf = (date) => Date.parse(date) + DAY_MS;

/** What was gained and lost in a day, a week and a month; hidden where nothing is known. */
export function deltasLine() {
  const changes = ["day", "week", "month"].map((span) => ({ span, change: h("span", { class: "cell-change" }) }));
  const items = changes.map(({ span, change }) => h("li", {}, h("span", { class: "note" }, capital(span)), change));
  const element = h("ul", { class: "deltas", "aria-label": "Change of the score", hidden: true }, items);
  const show = (deltas) => {
    element.hidden = changes.every(({ span }) => deltas?.[span] == null);
    for (const [place, { span, change }] of changes.entries()) {
      items[place].hidden = deltas?.[span] == null;
      showChange(change, deltas?.[span] ?? 0);
    }
  };
  return { element, show };
}

/** `place` puts the card on the page, once something is kept. */
export function daysCard(signal, place) {
  const chart = history();
  const sentence = h("p", { class: "why-words" });
  const bars = h("ul", { class: "reasons" });
  const buttons = SPANS.map((one) => h("button", { type: "button", click: () => choose(one) }, one.words));
  const element = card(
    "days-card",
    "days",
    "Day by day",
    h("div", { class: "choice", role: "group", "aria-label": "The time that is explained" }, buttons),
    chart.element,
    sentence,
    bars,
  );
  let user = null;
  let now = null;
  let closes = [];
  let span = SPANS[2];
  let asked = 0;

  const choose = (one) => {
    span = one;
    explain();
  };
  const mark = () => {
    for (const [place, button] of buttons.entries()) {
      button.setAttribute("aria-pressed", String(SPANS[place] === span));
    }
  };
  const draw = () => {
    if (closes.length === 0) return element.remove();
    if (!element.isConnected) place(element);
    const first = Date.parse(now.as_of) - YEAR * DAY_MS;
    const drawn = closes.filter(({ day }) => endOf(day) >= first);
    const ofModel = (one, place) => place > 0 && drawn[place - 1].model_version !== one.model_version;
    const moves = drawn.map((one, place) => ({
      at: new Date(endOf(one.day)).toISOString(),
      value: one.score,
      isOther: ofModel(one, place),
    }));
    const last = drawn[drawn.length - 1];
    moves.push({ at: now.as_of, value: now.score, isOther: last && last.model_version !== now.model_version });
    return chart.show(moves, OF_DAYS);
  };
  /** Why it moved since then; where nothing is as old as that, since the first close that is kept. */
  const explain = async () => {
    mark();
    if (closes.length === 0) return;
    const wanted = dateOf(Math.floor(Date.parse(now.as_of) / DAY_MS) * DAY_MS - (span.days + 1) * DAY_MS);
    const from = closes[0].day <= wanted ? wanted : closes[0].day;
    const question = (asked += 1);
    try {
      const movement = await get(paths.movement(user, from), signal);
      if (question !== asked) return;
      arrange(bars, barsOf([movement]), REASON);
      say(sentence, sentenceOf(movement));
    } catch (error) {
      if (!(error instanceof Refusal) || error.status === 503) throw error;
      arrange(bars, [], REASON);
      say(sentence, "Nothing is known of that time under the same model.");
    }
  };
  const follow = async () => {
    ({ closes } = await get(paths.closes(user, YEAR + 1), signal));
    draw();
    await explain();
  };
  /** The score as it is now. Closes are asked for once it is known whose. */
  const show = (answer) => {
    const isFirst = user === null;
    user = answer.user;
    now = answer;
    if (isFirst) repeat(EVERY_MS, signal, follow);
    else draw();
  };
  return { show };
}

/** `Up 2.1 since 1 Nov 2026: more fans +1.6, they count for more +0.5. 14 new fans +1.6 (the largest: ana +0.4), time -0.2.` */
function sentenceOf({ from, change, parts, people }) {
  const since = day(new Date(endOf(from.day) - 1).toISOString());
  const moved = signed(change);
  if (moved === "0.0") return `No change since the end of ${since}.`;
  const words = because(parts) || "many small changes";
  const by = peopleOf(people);
  return `${change > 0 ? "Up" : "Down"} ${moved.slice(1)} since the end of ${since}: ${words}.${by ? ` By people: ${by}.` : ""}`;
}

/** `14 new fans +1.6 (the largest: ana +0.4), fans count for more +0.7, time -0.2`, where people are known. */
function peopleOf(people) {
  if (!people) return "";
  const { new_fans: fresh, known_fans: known, worth, time } = people;
  const largest = ({ largest: [first] }) =>
    first ? ` (the largest: ${shown(first.user)} ${signed(first.points)})` : "";
  const told = [
    [fresh.points, `${plural(fresh.people, "new fan", "new fans")} ${signed(fresh.points)}${largest(fresh)}`],
    [known.points, `${plural(known.people, "fan", "fans")} of before ${signed(known.points)}${largest(known)}`],
    [worth, `fans count for ${worth >= 0 ? "more" : "less"} ${signed(worth)}`],
    [time, `time ${signed(time)}`],
  ];
  return told
    .filter(([moved]) => Math.abs(moved) >= 0.05)
    .map(([, words]) => words)
    .join(", ");
}
