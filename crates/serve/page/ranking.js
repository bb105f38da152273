// The ranking: who has which score now, who moves, and how scores are spread.

import { get, paths, repeat } from "./api.js";
import { distribution, sparkline } from "./charts.js";
import { arrange, h, letters, say, shown } from "./dom.js";
import { noteKnown } from "./known.js";
import { listen } from "./live.js";
import { noteNetworks } from "./search.js";
import { onStatus, speed } from "./status.js";
import { handle, personLink, plural, points, signed, span, time, votes } from "./words.js";

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

export function ranking(root, _, signal, { known, remember }) {
  const summary = h("p", { class: "lead" }, " ");
  const list = h("ol", { class: "rows", "aria-label": "The ranking" });
  const empty = h(
    "p",
    { class: "empty", hidden: true },
    "Nobody is rated yet. People appear here as soon as others act on them, and what happened before has been read.",
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
        h("h1", { id: "title", tabindex: -1 }, "Ranking"),
        summary,
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
    const answer = await get(paths.ranking(shown), signal);
    noteNetworks(answer.users);
    noteKnown(answer.users);
    keepTracks(tracks, answer.users);
    arrange(list, answer.users, row(tracks, isWhole));
    empty.hidden = answer.users.length > 0;
    root.classList.toggle("nobody", answer.users.length === 0);
    more.hidden = answer.users.length >= answer.total || shown >= SHOWN_MAX;
    say(summary, summaryOf(answer, asOf));
  });
  more.addEventListener("click", () => {
    shown = Math.min(shown * 2, SHOWN_MAX);
    remember({ shown });
    refresh();
  });

  const moves = new Map();
  listen({ min_change: 0.1 }, signal, {
    score: (change) => note(moves, change),
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

/** `asOf` is the newest time that any score is for, also of those who are not shown. */
function summaryOf({ users, total }, asOf) {
  if (users.length === 0) return " ";
  const newest = users.reduce((newest, user) => (user.as_of > newest ? user.as_of : newest), asOf ?? "");
  const { scale } = users.reduce((newest, user) => (user.scale_version > newest.scale_version ? user : newest));
  if (users[0].score < SCORE_LEAST)
    return `${plural(total, "person is", "people are")} known, and nobody counts now: all that was read is too old. As of ${time(newest)} UTC.`;
  return `${plural(total, "person is", "people are")} rated. 100 stands for ${votes(scale)} votes. As of ${time(newest)} UTC.`;
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

/** How a row is made once, and shown each second. What is known fills its column as long as that is not a minute. */
function row(tracks, isWhole) {
  return {
    key: ({ user }) => user,
    make: ({ user }) => {
      const { name, network } = handle(user);
      const bar = h("span", { class: "bar-fill" });
      const spark = sparkline();
      const parts = {
        rank: h("span", { class: "cell-rank" }),
        bar,
        spark,
        score: h("span", { class: "cell-score" }),
        change: h("span", { class: "cell-change" }),
      };
      const element = h(
        "li",
        {},
        h(
          "a",
          { class: "row", href: personLink(user) },
          parts.rank,
          h(
            "span",
            { class: "cell-person" },
            h("span", { class: "name", dir: "auto", title: shown(user) }, letters(name)),
            network ? h("span", { class: "network" }, letters(network)) : null,
          ),
          h("span", { class: "cell-bar", "aria-hidden": "true" }, bar),
          h("span", { class: "cell-spark" }, spark.element),
          parts.score,
          parts.change,
        ),
      );
      element.parts = parts;
      return element;
    },
    show: ({ parts }, { user, rank, score }) => {
      const track = tracks.get(user);
      say(parts.rank, String(rank));
      say(parts.score, points(score));
      parts.bar.style.setProperty("--part", Math.max(score / 100, 0.004).toFixed(4));
      parts.spark.show(track, 1.5, isWhole() ? TRACK_MAX : track.length);
      showChange(parts.change, score - track[0]);
    },
  };
}

/** A movement with a sign, a word for those who listen, and a colour for those who see it. */
export function showChange(element, moved) {
  const text = signed(moved);
  element.dataset.way = text === "0.0" ? "none" : moved > 0 ? "up" : "down";
  say(element, text === "0.0" ? "–" : text);
}

const MOVER = {
  key: ({ user }) => user,
  make: ({ user }) => {
    const { name, network } = handle(user);
    const change = h("span", { class: "cell-change" });
    const score = h("span", { class: "mover-score" });
    const element = h(
      "li",
      {},
      h(
        "a",
        { href: personLink(user) },
        h("span", { class: "name", dir: "auto", title: shown(user) }, letters(name)),
        h("span", { class: "network" }, letters(network)),
        score,
        change,
      ),
    );
    element.parts = { change, score };
    return element;
  },
  show: ({ parts }, { score, moved }) => {
    say(parts.score, points(score));
    showChange(parts.change, moved);
  },
};

function note(moves, { user, score, previous }) {
  if (previous === null) return;
  const track = moves.get(user) ?? [{ at: Date.now(), score: previous }];
  track.push({ at: Date.now(), score });
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
      moved.push({ user, score: last.score, moved: last.score - track[0].score });
    }
  }
  const weight = ({ score, moved }) => Math.abs(moved) * score;
  moved.sort((a, b) => weight(b) - weight(a));
  return moved.slice(0, MOVERS_MAX).sort((a, b) => b.moved - a.moved);
}
