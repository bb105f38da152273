// One person: the score, what it is made of, how and why it moved, and who stands nearby.

import { accountsCard } from "./accounts.js";
import { get, paths, Refusal, repeat } from "./api.js";
import { dial, distribution, history, OF_INFLUENCE, OF_SCORE } from "./charts.js";
import { circleCard } from "./circle.js";
import { daysCard, deltasLine } from "./days.js";
import { arrange, card, h, letters, say, shown } from "./dom.js";
import { says, writes } from "./facets.js";
import { lastKnown, noteKnown } from "./known.js";
import { listen } from "./live.js";
import { called, lineOf, mark, networks, outLink, showCalled, signature } from "./people.js";
import { barsOf, REASON, showChange } from "./reasons.js";
import {
  because,
  capital,
  count,
  factor,
  handle,
  personLink,
  points,
  rankingLink,
  signed,
  standing,
  time,
  votes,
} from "./words.js";

/** People in the list of those nearby, as many before as behind where there are. */
const NEARBY = 9;
/** Letters of a name in the title of the tab. */
const TITLE_MAX = 60;
const MOVES_SHOWN = 5;
const MOVES_DRAWN = 100;
/** A score that has stayed above this and is 100 now has a flat curve. */
const TOP_MIN = 99;
/** How many movements the reasons are summed over. */
const SPANS = [
  { words: "Latest", most: 1 },
  { words: "Last 20", most: 20 },
  { words: "All", most: Infinity },
];

export function person(root, user, signal) {
  const state = h("div", {});
  const crumb = h("p", { class: "crumb" });
  const head = heading(signal);
  root.append(h("header", { class: "person-head" }, crumb, ...head.elements), state);
  let name = handle(user).name;
  let isCalled = "";
  const titled = (before) => (document.title = `${before}${shown(name).slice(0, TITLE_MAX)} · Clout`);
  /** The name that is scored, until the server says what the account is called. */
  const call = (one) => {
    const told = `${signature(one)} ${JSON.stringify([one.account?.language, one.account?.country])}`;
    if (isCalled === told) return;
    isCalled = told;
    const { network } = called(one);
    ({ name } = called(one));
    const ranking = one.account?.network ? rankingLink(one.account.network) : null;
    const where = ranking ? h("a", { href: ranking }, letters(network)) : letters(network);
    crumb.replaceChildren(h("a", { href: "#/" }, "Ranking"), ...(network ? [" / ", ...[where].flat()] : []));
    head.show(one);
    titled("");
  };
  call({ user, account: null });

  let view = null;
  const show = (answer) => {
    call(answer);
    view ??= rated(state, signal);
    view.score(answer);
    titled(`${points(answer.score)} `);
  };
  // Until the server answers, what was seen of the person elsewhere.
  if (lastKnown(user)) show(lastKnown(user));
  const refresh = repeat(4_000, signal, async () => {
    try {
      await networks(signal);
      // One answer for all that stands side by side: ranks of two moments would contradict each other.
      const { users } = await get(paths.around(user, NEARBY - 1), signal);
      const moves = await get(paths.history(user), signal);
      noteKnown(users);
      // Where names are folded, a person has many spellings and one page.
      if (moves.user !== user) return location.replace(personLink(moves.user));
      const self = users.find((one) => one.user === user);
      if (!self) return undefined;
      show(self);
      view.around(nearest(users, self), user);
      await view.accounts(self);
      view.history(upTo(moves.points, self), moves.deltas);
      return view?.spread(await get(paths.distribution(), signal));
    } catch (error) {
      // Whoever is busy says so elsewhere.
      if (!(error instanceof Refusal) || error.status === 503) throw error;
      view = null;
      return unrated(state, titled, error);
    }
  });
  const soon = coalesced(refresh, 800, signal);
  listen({ user }, signal, { score: soon, removed: refresh, reset: refresh });
}

/** Some of the people, with somebody in their middle if there are others on both sides. */
function nearest(users, self) {
  const first = Math.min(users.indexOf(self) - (NEARBY - 1) / 2, users.length - NEARBY);
  return users.slice(Math.max(first, 0), Math.max(first, 0) + NEARBY);
}

/** The movements that led to a score, and none after it: the two are asked for one after the other. */
const upTo = (moves, { as_of }) => moves.filter(({ at }) => Date.parse(at) <= Date.parse(as_of));

/** The name, at most three lines of it unless somebody wants all; below it what else the account is called, and where it is. */
function heading(signal) {
  const title = h("h1", { tabindex: -1, class: "cut", dir: "auto" });
  const more = h(
    "button",
    { class: "whole", type: "button", hidden: true, click: () => whole(true) },
    "Show the whole name",
  );
  const account = h("p", { class: "account", hidden: true });
  const whole = (isAll) => {
    title.classList.toggle("cut", !isAll);
    more.hidden = isAll || title.scrollHeight <= title.clientHeight + 1;
  };
  const watcher = new ResizeObserver(() => title.classList.contains("cut") && whole(false));
  watcher.observe(title);
  signal.addEventListener("abort", () => watcher.disconnect());
  const show = (one) => {
    const { name, below, isUnlisted } = called(one);
    title.replaceChildren(...letters(name));
    const parts = [
      mark(one.account?.network),
      below ? h("span", { class: "handle", dir: "auto" }, letters(below)) : null,
      one.account?.is_bot ? h("span", { class: "bot" }, "bot") : null,
      isUnlisted ? h("span", {}, "Whoever it is has asked not to be found: the score is shown, and no name.") : null,
      ...standings(one),
      outLink(one, (network) => `On ${network}`),
    ];
    account.replaceChildren(...parts.filter(Boolean));
    account.hidden = account.childElementCount === 0;
  };
  return { elements: [title, more, account], show };
}

/** The language and the country that are known, each with the place among those who have it. */
function standings({ account }) {
  const line = (facet, words, key) =>
    facet
      ? h(
          "a",
          { class: "facet", href: rankingLink("", { [key]: facet.code }) },
          `${capital(words(facet.code))}: ${count(facet.rank)} of ${count(facet.people)}`,
        )
      : null;
  return [line(account?.language, writes, "language"), line(account?.country, says, "country")];
}

/** Calls at most once in so long, and always once after the last call. */
function coalesced(task, waitMs, signal) {
  let timer = null;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      task();
    }, waitMs);
  };
}

const ABSENCE = {
  404: [
    "Not rated yet",
    "Nobody has acted on this person, as far as is known. That is not the same as 0: the score appears here with the first act.",
  ],
  410: ["Opted out", "This person has asked not to be scored. There is nothing to show, and nothing is kept."],
};

function unrated(state, titled, refusal) {
  const [title, words] = ABSENCE[refusal.status] ?? ["Not to be shown", refusal.message];
  if (state.dataset.shows === title) return;
  state.dataset.shows = title;
  state.replaceChildren(
    h(
      "section",
      { class: "card absent" },
      h("h2", {}, title),
      h("p", {}, words),
      h("p", {}, h("a", { href: "#/" }, "Back to the ranking")),
    ),
  );
  titled("");
}

/** Builds the page of somebody who has a score, and gives what shows its parts. */
function rated(state, signal) {
  const score = scoreCard();
  const accounts = accountsCard(signal);
  const why = whyCard();
  const made = madeCard();
  const curve = curveCard();
  const days = daysCard(signal, (element) => why.element.after(element));
  const circle = circleCard(signal, (element) => nearby.element.before(element));
  const received = receivedCard();
  const spread = spreadCard();
  const nearby = nearbyCard();
  // They come with the first movement.
  why.element.hidden = curve.element.hidden = true;
  state.dataset.shows = "score";
  state.replaceChildren(
    h(
      "div",
      { class: "person" },
      score.element,
      why.element,
      accounts.element,
      curve.element,
      made.element,
      nearby.element,
      received.element,
      spread.element,
    ),
  );
  return {
    score: (answer) => {
      score.show(answer);
      days.show(answer);
      circle.show(answer);
      made.show(answer);
      received.show(answer);
      spread.show(answer);
    },
    history: (moves, deltas) => {
      const scored = moves.filter(({ score, previous }) => score !== previous);
      const influences = moves.length > 1 && isAtTheTop(moves, scored) ? moves : [];
      // A card without anything in it tells nothing. At 100 the parts move as well, against each other.
      why.element.hidden = moves.length === 0;
      curve.element.hidden = scored.length + influences.length === 0;
      state.firstElementChild.classList.toggle("unmoved", moves.length === 0);
      why.show(moves);
      curve.show(scored, influences);
      score.since(scored);
      score.deltas(deltas);
    },
    around: nearby.around,
    accounts: accounts.show,
    spread: spread.spread,
  };
}

/** Whether the curve of the score would be flat: nobody scores above 100, where the influence alone moves. */
function isAtTheTop(moves, scored) {
  const lowest = Math.min(...scored.map(({ score, previous }) => Math.min(score, previous)));
  return scored.length === 0 || (moves[moves.length - 1].score >= 100 && lowest >= TOP_MIN);
}

function scoreCard() {
  const gauge = dial();
  const rank = h("p", { class: "big-line" });
  const stands = h("p", { class: "muted" });
  const moved = h("p", { class: "muted since" });
  const change = h("span", { class: "cell-change" });
  const asOf = h("p", { class: "note" });
  const deltas = deltasLine();
  const element = h(
    "section",
    { class: "card score-card", "aria-label": "Score" },
    gauge.element,
    h("div", { class: "score-words" }, rank, stands, moved, deltas.element, asOf),
  );
  const show = (answer) => {
    gauge.show(answer.score);
    say(rank, `Rank ${count(answer.rank)}`);
    say(stands, capital(standing(answer)) + ".");
    say(asOf, `Published ${time(answer.as_of)} UTC`);
  };
  const since = (moves) => {
    if (moves.length === 0) return say(moved, "No movement of the score is remembered.");
    const sum = moves[moves.length - 1].score - moves[0].previous;
    showChange(change, sum);
    // Older movements are forgotten first: how far back it goes is what the first that is left says.
    moved.replaceChildren(signed(sum) === "0.0" ? "No change" : change, ` since ${time(moves[0].at)}`);
  };
  /** What is known of days says more than that nothing is known of today. */
  const showDeltas = (known) => {
    deltas.show(known);
    moved.hidden = !deltas.element.hidden && !moved.childElementCount;
  };
  return { element, show, since, deltas: showDeltas };
}

function whyCard() {
  const bars = h("ul", { class: "reasons" });
  const list = h("ol", { class: "moves" });
  let span = SPANS[1];
  let moves = [];
  const buttons = SPANS.map((one) =>
    h("button", { type: "button", "aria-pressed": String(one === span), click: () => choose(one) }, one.words),
  );
  const choose = (one) => {
    span = one;
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(SPANS[place] === one)));
    draw();
  };
  const draw = () => {
    arrange(bars, moves.length > 0 ? barsOf(moves.slice(-Math.min(span.most, moves.length))) : [], REASON);
    const visible = moves.filter(({ score, previous }) => signed(score - previous) !== "0.0");
    arrange(list, visible.slice(-MOVES_SHOWN).reverse(), MOVE);
  };
  const element = card(
    "why-card",
    "why",
    "Why it moved",
    h("div", { class: "choice", role: "group", "aria-label": "Movements that are summed" }, buttons),
    bars,
    list,
  );
  return {
    element,
    show: (points) => {
      moves = points;
      draw();
    },
  };
}

const MOVE = {
  stays: true,
  key: ({ at, score }) => `${at} ${score}`,
  make: (move) => {
    const change = h("span", { class: "cell-change" });
    showChange(change, move.score - move.previous);
    const words = because(move.parts) || "many small changes";
    return h(
      "li",
      {},
      change,
      h("span", { class: "move-words" }, words),
      h("time", { class: "note", datetime: move.at }, time(move.at)),
    );
  },
  show: () => {},
};

function curveCard() {
  const chart = history();
  const element = card("curve-card", "curve", "How it moved", chart.element);
  const title = element.querySelector("h2");
  const show = (scored, influences) => {
    say(title, influences.length > 0 ? "How the influence moved" : "How it moved");
    if (influences.length > 0) {
      chart.show(
        influences.map(({ at, influence }) => ({ at, value: influence })),
        OF_INFLUENCE,
      );
    } else if (scored.length > 0) {
      const drawn = scored.slice(-MOVES_DRAWN);
      chart.show(
        [{ at: drawn[0].at, value: drawn[0].previous }, ...drawn.map(({ at, score }) => ({ at, value: score }))],
        OF_SCORE,
      );
    }
  };
  return { element, show };
}

const FACTORS = [
  {
    key: "reach",
    title: "Reach",
    format: votes,
    explain: (value) =>
      `active ${Math.round(value) === 1 ? "fan" : "fans"}: people who acted lately; each fades with time`,
  },
  {
    key: "amplification",
    title: "Amplification",
    format: factor,
    explain: (value, { reach }) =>
      reach <= 0
        ? "there is no fan"
        : value < 0.9
          ? "many single replies or likes"
          : value < 1.3
            ? "most fans act once"
            : value < 2.5
              ? "fans come back"
              : "fans act again and again",
  },
  {
    key: "network",
    title: "Network",
    format: factor,
    explain: (value, { reach }) =>
      reach <= 0
        ? "there is no fan"
        : value > 1.05
          ? "the fans are influential themselves"
          : value > 0.8
            ? "the fans count like anybody"
            : "the fans spread over many people",
  },
  {
    key: "openness",
    title: "Openness",
    format: factor,
    explain: (value) =>
      value > 0.98
        ? "votes come from outside the own circle"
        : value > 0.7
          ? "some of what is received is returned"
          : "much of it comes from a closed circle",
  },
  {
    key: "room",
    title: "Room",
    format: factor,
    explain: (value) =>
      value > 0.95
        ? "few fans count as strangers"
        : value > 0.7
          ? "more strangers act than there is room for"
          : "few who have been around act: most votes are of strangers",
  },
  {
    key: "audience",
    title: "Audience",
    format: factor,
    explain: () => "votes that followers add, if others endorse them",
  },
];

function madeCard() {
  const total = h("strong");
  const share = h("p", { class: "note" });
  const tiles = FACTORS.map(({ key, title, format, explain }) => {
    const number = h("dd", { class: "factor-number" });
    const words = h("dd", { class: "factor-words" });
    const show = (answer) => {
      say(number, format(answer[key]));
      say(words, explain(answer[key], answer));
    };
    return { key, show, element: h("div", { class: "factor", "data-factor": key }, h("dt", {}, title), number, words) };
  });
  const element = card(
    "made-card",
    "made",
    "What it is made of",
    h("p", { class: "lead" }, "Influence: ", total, "."),
    h(
      "dl",
      { class: "factors" },
      tiles.map((tile) => tile.element),
    ),
    share,
  );
  const show = (answer) => {
    say(total, `${votes(answer.influence)} ${answer.influence === 1 ? "vote" : "votes"}`);
    tiles.forEach((tile) => tile.show(answer));
    say(share, `Multiplied, and audience added, they are the influence. 100 stands for ${votes(answer.scale)} votes.`);
  };
  return { element, show };
}

function receivedCard() {
  const numbers = new Map();
  const list = h("dl", { class: "counts" });
  const element = card(
    "received-card",
    "received",
    "Received from others",
    list,
    h("p", { class: "note" }, "Exact counts since the person has been rated."),
  );
  const show = ({ received, followers, following }) =>
    Object.entries({ ...received, followers, following }).forEach(([key, value]) => {
      if (!numbers.has(key)) {
        numbers.set(key, h("dd"));
        const isFirstOfFollows = key === "followers";
        list.append(h("div", isFirstOfFollows ? { class: "begins" } : {}, h("dt", {}, capital(key)), numbers.get(key)));
      }
      say(numbers.get(key), count(value));
    });
  return { element, show };
}

function spreadCard() {
  const spread = distribution();
  let score = null;
  return {
    element: card("spread-card", "spread", "Among all", spread.element),
    show: (answer) => {
      score = answer.score;
    },
    spread: (answer) => spread.show(answer, score),
  };
}

function nearbyCard() {
  const list = h("ol", { class: "neighbours", "aria-label": "People nearby in the ranking" });
  return {
    element: card("nearby-card", "nearby", "Nearby", list),
    around: (users, self) => arrange(list, users, neighbour(self)),
  };
}

const neighbour = (self) => ({
  key: ({ user }) => user,
  make: (one) => {
    const parts = {
      rank: h("span", { class: "cell-rank" }),
      person: h("span", { class: "cell-person" }),
      score: h("span", { class: "mover-score" }),
    };
    const cells = [parts.rank, parts.person, parts.score];
    const current = one.user === self ? "true" : null;
    const element = h("li", {}, lineOf(one, cells, { "aria-current": current }));
    element.parts = parts;
    return element;
  },
  show: (element, one) => {
    const { parts } = element;
    showCalled(element, parts.person, one);
    say(parts.rank, count(one.rank));
    say(parts.score, points(one.score));
  },
});
