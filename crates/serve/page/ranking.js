// The ranking: who has which score now, who moves, and how scores are spread.

import { get, paths, Refusal, repeat } from "./api.js";
import { distribution, sparkline } from "./charts.js";
import { arrange, h, say } from "./dom.js";
import { chosenWords, facetFields } from "./facets.js";
import { noteKnown } from "./known.js";
import { listen } from "./live.js";
import { moversCard } from "./movers.js";
import { called, lineOf, mark, networkOf, networks, outLink, showCalled } from "./people.js";
import { showChange } from "./reasons.js";
import { noteNetworks } from "./search.js";
import { onStatus, speed } from "./status.js";
import { count, personLink, plural, points, rankingLink, span, time, votes } from "./words.js";

const PAGE = 25;
const SHOWN_MAX = 200;
/** Rows that move oftener cannot be read. */
const EVERY_MS = 2_000;
/** Scores of the last minute. */
const TRACK_MAX = 30;
const MOVERS_MAX = 6;
/** Points by which one must move in a minute to be among the movers. */
const MOVER_MIN = 0.5;
const MINUTE_MS = 60_000;

/** `chosen` are the network, the language and the country of those who are shown alone. */
export function ranking(root, chosen, signal, { known, remember }) {
  const { network, language, country } = chosen;
  const title = h("h1", { id: "title", tabindex: -1 }, "Ranking");
  const filter = h("nav", { class: "filter", "aria-label": "Networks", hidden: true });
  const facets = facetFields(chosen);
  const summary = h("p", { class: "lead" }, " ");
  const list = h("ol", { class: "rows", "aria-label": "The ranking" });
  const empty = h(
    "p",
    { class: "empty", hidden: true },
    "Nobody is rated yet. People appear here as soon as others act on them, and clout run has read what happened before.",
  );
  const more = h("button", { class: "more", type: "button", hidden: true }, "Show more");
  const movers = h("ol", { class: "movers", "aria-label": "Who moves most" });
  const quiet = h("p", { class: "quiet" }, `Nobody has moved by ${points(MOVER_MIN)} or more.`);
  const moversNote = h("p", { class: "note" });
  const lastMinute = h("span", { class: "cell-spark" });
  const began = performance.now();
  const isWhole = () => performance.now() - began >= MINUTE_MS;
  // A minute of who looks is more of a log that passes faster.
  onStatus(() => {
    const minute = span(MINUTE_MS * speed()).replace(/^1 /, "");
    say(lastMinute, isWhole() ? `Last ${minute}` : "Since opened");
    say(moversNote, `The largest changes ${isWhole() ? `of the last ${minute}` : "since this page was opened"}.`);
  }, signal);
  const spread = distribution();
  root.append(
    h(
      "div",
      { class: "columns" },
      h(
        "section",
        { class: "main-column", "aria-labelledby": "title" },
        title,
        summary,
        filter,
        facets.element,
        head(lastMinute),
        list,
        empty,
        more,
      ),
      h(
        "aside",
        { class: "side-column" },
        h(
          "section",
          { class: "card", "aria-labelledby": "movers-title" },
          h("h2", { id: "movers-title" }, "On the move"),
          moversNote,
          movers,
          quiet,
        ),
        moversCard(MOVER, signal),
        h(
          "section",
          { class: "card", "aria-labelledby": "spread-title" },
          h("h2", { id: "spread-title" }, "How scores are spread"),
          spread.element,
        ),
      ),
    ),
  );

  /** @type {string | undefined} */
  let asOf;
  onStatus(({ view }) => (asOf = view?.as_of), signal);

  const tracks = new Map();
  let shown = Math.min(known.shown ?? PAGE, SHOWN_MAX);
  const refresh = repeat(EVERY_MS, signal, async () => {
    showFilter(filter, await networks(signal), chosen);
    await facets.refresh(signal);
    const on = networkOf(network);
    if (network) say(title, on ? `Ranking on ${on.title}` : "Ranking");
    let answer;
    try {
      answer = await get(paths.ranking(shown, chosen), signal);
    } catch (error) {
      if (!(network || language || country) || !(error instanceof Refusal) || error.status !== 400) throw error;
      return say(summary, `The server cannot show this: ${error.message}.`);
    }
    noteNetworks(answer.users);
    noteKnown(answer.users);
    keepTracks(tracks, answer.users);
    arrange(list, answer.users, row(tracks, isWhole));
    const isEmpty = answer.users.length === 0;
    empty.hidden = !isEmpty || chosenWords(chosen) !== "";
    root.classList.toggle("nobody", isEmpty);
    more.hidden = answer.users.length >= answer.total || shown >= SHOWN_MAX;
    return say(summary, summaryOf(answer, on, chosen, asOf));
  });
  more.addEventListener("click", () => {
    shown = Math.min(shown * 2, SHOWN_MAX);
    remember({ shown });
    refresh();
  });

  const moves = new Map();
  const isHere = ({ account }) =>
    (!network || account?.network === network) &&
    (!language || account?.language?.code === language) &&
    (!country || account?.country?.code === country);
  listen({ min_change: 0.1 }, signal, {
    score: (change) => isHere(change) && note(moves, change),
    removed: ({ user }) => moves.delete(user),
    reset: () => moves.clear(),
  });
  repeat(EVERY_MS, signal, async () => {
    const top = moversOf(moves);
    arrange(movers, top, MOVER);
    quiet.hidden = top.length > 0;
  });
  repeat(5_000, signal, async () => spread.show(await get(paths.distribution(), signal)));
}

function head(lastMinute) {
  return h(
    "div",
    { class: "row head", "aria-hidden": "true" },
    h("span", {}, "#"),
    h("span", {}, "Person"),
    h("span", { class: "cell-bar" }, ""),
    lastMinute,
    h("span", { class: "cell-score" }, "Score"),
    h("span", { class: "cell-change" }, "Change"),
  );
}

/** Below it a score is shown as 0.0. */
const SCORE_LEAST = 0.05;

/** `on` is the network that is shown alone, `chosen` who else is; `asOf` the newest time that any score is for, also of those who are not shown. */
function summaryOf({ users, total }, on, chosen, asOf) {
  if (users.length === 0)
    return chosenWords(chosen) ? `Nobody is rated${on ? ` on ${on.title}` : ""}${chosenWords(chosen)}.` : " ";
  const newest = users.reduce((newest, user) => (user.as_of > newest ? user.as_of : newest), asOf ?? "");
  const { scale } = users.reduce((newest, user) => (user.scale_version > newest.scale_version ? user : newest));
  const where = `${on ? ` on ${on.title}` : ""}${chosenWords(chosen)}`;
  if (users[0].score < SCORE_LEAST)
    return `${plural(total, "person is", "people are")} known${where}, and nobody counts now: all that was read is too old. As of ${time(newest)} UTC.`;
  return `${plural(total, "person is", "people are")} rated${where}. 100 stands for ${votes(scale)} votes. As of ${time(newest)} UTC.`;
}

function keepTracks(tracks, users) {
  const seen = new Set();
  for (const { user, score } of users) {
    seen.add(user);
    const track = tracks.get(user) ?? [];
    track.push(score);
    if (track.length > TRACK_MAX) track.shift();
    tracks.set(user, track);
  }
  [...tracks.keys()].filter((user) => !seen.has(user)).forEach((user) => tracks.delete(user));
}

/** The networks as links, where there is more than one kind of names. */
function showFilter(filter, { networks: all, others }, chosen) {
  const there = all.filter(({ network, people }) => people > 0 || network === chosen.network);
  filter.hidden = there.length + Number(others > 0) < 2 && !chosen.network;
  if (filter.hidden) return;
  const choices = [{ network: "", title: "All", people: others + sum(all) }, ...there];
  arrange(filter, choices, choice(chosen));
}

const sum = (networks) => networks.reduce((sum, { people }) => sum + people, 0);

const choice = (chosen) => ({
  stays: true,
  key: ({ network }) => network,
  make: ({ network, title }) => {
    const people = h("span", { class: "people" });
    const current = network === (chosen.network ?? "") ? "page" : null;
    const element = h(
      "a",
      { href: rankingLink(network, chosen), "aria-current": current },
      mark(network),
      title,
      people,
    );
    element.parts = { people };
    return element;
  },
  show: ({ parts }, { people }) => say(parts.people, count(people)),
});

/** How a row is made once, and shown each second. What is known fills its column as long as that is not a minute. */
function row(tracks, isWhole) {
  return {
    key: ({ user }) => user,
    make: (one) => {
      const bar = h("span", { class: "bar-fill" });
      const spark = sparkline();
      const parts = {
        rank: h("span", { class: "cell-rank" }),
        person: h("span", { class: "cell-person" }),
        out: h("span", { class: "cell-out" }),
        bar,
        spark,
        score: h("span", { class: "cell-score" }),
        change: h("span", { class: "cell-change" }),
      };
      const cells = [
        parts.rank,
        parts.person,
        h("span", { class: "cell-bar", "aria-hidden": "true" }, bar),
        h("span", { class: "cell-spark" }, spark.element),
        parts.score,
        parts.change,
      ];
      // Whoever is not named has no page of their own here.
      const line = called(one).isUnlisted
        ? h("span", { class: "row" }, cells)
        : h("a", { class: "row", href: personLink(one.user) }, cells);
      const element = h("li", {}, line, parts.out);
      element.parts = parts;
      return element;
    },
    show: (element, one) => {
      const { parts } = element;
      const { user, rank, score, within } = one;
      // A rename shows the new name with the old score.
      if (showCalled(element, parts.person, one)) {
        parts.out.replaceChildren(...[outLink(one)].filter(Boolean));
      }
      const track = tracks.get(user);
      say(parts.rank, String(within?.rank ?? rank));
      say(parts.score, points(score));
      parts.bar.style.setProperty("--part", Math.max(score / 100, 0.004).toFixed(4));
      parts.spark.show(track, 1.5, isWhole() ? TRACK_MAX : track.length);
      showChange(parts.change, score - track[0]);
    },
  };
}

const MOVER = {
  key: ({ user }) => user,
  make: (one) => {
    const parts = {
      person: h("span", { class: "cell-person" }),
      change: h("span", { class: "cell-change" }),
      score: h("span", { class: "mover-score" }),
    };
    const element = h("li", {}, lineOf(one, [parts.person, parts.score, parts.change]));
    element.parts = parts;
    return element;
  },
  show: (element, one) => {
    const { parts } = element;
    showCalled(element, parts.person, one);
    say(parts.score, points(one.score));
    showChange(parts.change, one.moved);
  },
};

function note(moves, { user, score, previous, account }) {
  if (previous === null) return;
  const track = moves.get(user) ?? [{ at: Date.now(), score: previous }];
  track.push({ at: Date.now(), score, account });
  moves.set(user, track);
}

/** The largest movements of the last minute, those of the influential before others; older ones are forgotten. */
function moversOf(moves) {
  const since = Date.now() - MINUTE_MS;
  const moved = [];
  for (const [user, track] of moves) {
    while (track.length > 1 && track[1].at < since) track.shift();
    const last = track[track.length - 1];
    if (last.at < since) {
      moves.delete(user);
    } else if (Math.abs(last.score - track[0].score) >= MOVER_MIN) {
      moved.push({ user, score: last.score, moved: last.score - track[0].score, account: last.account });
    }
  }
  const weight = ({ score, moved }) => Math.abs(moved) * score;
  moved.sort((a, b) => weight(b) - weight(a));
  return moved.slice(0, MOVERS_MAX).sort((a, b) => b.moved - a.moved);
}
