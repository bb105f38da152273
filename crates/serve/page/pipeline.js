// For operators: whether events become scores in time, and where each shard stands.

import { get, paths, repeat } from "./api.js";
import { sparkline } from "./charts.js";
import { arrange, h, say } from "./dom.js";
import { bytes, count, duration, plural, points } from "./words.js";

const TRACK_MAX = 120;
/** Milliseconds of waiting that are worth a word. */
const LAG_MS = 5_000;
/** Of a shard that is not live here nobody knows how long its records wait. */
const wait = (milliseconds) => (milliseconds === null ? "–" : duration(milliseconds));

const rate = (number) => (number < 10 ? points(number) : count(number));

const METRICS = [
  { key: "events_per_second", title: "Events a second", format: rate, words: "taken from the log, over ten seconds" },
  { key: "lag_ms", title: "Lag", format: wait, words: "how long the oldest event has waited to be scored" },
  {
    key: "epoch_ms",
    title: "Epoch",
    format: duration,
    words: "a worker takes what waits, scores it, publishes: one transaction",
  },
  {
    key: "commit_ms",
    title: "Commit",
    format: duration,
    words: "the part of an epoch in which the transaction is written",
  },
];

export function pipeline(root, _, signal) {
  const verdict = h("p", { class: "verdict" }, " ");
  const metrics = METRICS.map(metric);
  const tiles = h(
    "div",
    { class: "tiles" },
    metrics.map(({ element }) => element),
  );
  const rows = h("tbody");
  const table = h(
    "table",
    { class: "shards" },
    h("caption", { class: "unseen" }, "Shards"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        COLUMNS.map((column) => h("th", { scope: "col", class: column.class }, column.title)),
      ),
    ),
    rows,
  );
  const shards = h(
    "section",
    { class: "card", "aria-labelledby": "shards-title" },
    h("h2", { id: "shards-title" }, "Shards"),
    h(
      "p",
      { class: "note" },
      "All names are split into shards; a worker owns some of them. A live shard is scored here, one that is elsewhere by another process, one that is restoring catches up first. Epochs are counted since the application began. An edge is what one person’s acts on another count together. A checkpoint makes the next start quick.",
    ),
    table,
  );
  const viewLine = h("p", { class: "note" });
  root.append(h("h1", { tabindex: -1 }, "Pipeline"), verdict, tiles, shards, viewLine);
  document.title = "Pipeline · Clout";

  repeat(1_000, signal, async () => {
    const { view, pipeline } = await get(paths.status(), signal);
    const [state, words] = judge(view, pipeline);
    verdict.dataset.state = state;
    say(verdict, words);
    say(
      viewLine,
      `The page's view holds ${plural(view.users, "person", "people")}${view.ready || view.waits_for_brokers ? "" : " and is catching up"}.`,
    );
    tiles.hidden = shards.hidden = !pipeline;
    if (!pipeline) return;
    metrics.forEach(({ show }) => show(pipeline));
    arrange(rows, pipeline.shards, SHARD);
  });
}

function metric({ key, title, format, words }) {
  const number = h("p", { class: "tile-number" }, "–");
  const spark = sparkline("tile-spark");
  const track = [];
  const element = h(
    "section",
    { class: "card tile" },
    h("h2", {}, title),
    number,
    h("p", { class: "note" }, words),
    spark.element,
  );
  const show = (pipeline) => {
    say(number, format(pipeline[key]));
    track.push(pipeline[key]);
    if (track.length > TRACK_MAX) track.shift();
    spark.show(track, 1);
  };
  return { element, show };
}

/** How it is, in a sentence. */
function judge(view, pipeline) {
  if (view.waits_for_brokers) return ["ill", "No broker has answered yet: nothing can be read."];
  if (!view.ready) return ["busy", "The view is catching up with what was published before it started."];
  if (!pipeline)
    return [
      "elsewhere",
      "This server shows scores and makes none: whether they are made in time is told by clout run, at its --listen.",
    ];
  const away = pipeline.shards.filter(({ place }) => place === "elsewhere").length;
  const coming = pipeline.shards.filter(({ place }) => place === "loading" || place === "restoring");
  const failing = pipeline.shards.filter(({ checkpoint_failures }) => checkpoint_failures > 0).length;
  if (coming.length > 0) {
    const left = coming.reduce((sum, { restore_left }) => sum + restore_left, 0);
    return [
      "busy",
      `${plural(coming.length, "shard is", "shards are")} being restored: ${plural(left, "slice", "slices")} to go.`,
    ];
  }
  if (failing > 0)
    return ["ill", `${plural(failing, "shard", "shards")} could not write a checkpoint: a restore would take longer.`];
  if (pipeline.standing_ms > LAG_MS)
    return [
      "ill",
      `A worker has stood still for ${duration(pipeline.standing_ms)}: it waits for the brokers, for its group to give it shards, or for the place of checkpoints. Nothing is scored there meanwhile, and what is told of its shards is as old.`,
    ];
  if (pipeline.lag_ms > LAG_MS) return ["busy", `Events wait for ${duration(pipeline.lag_ms)} until they count.`];
  const elsewhere = away > 0 ? ` ${plural(away, "shard is", "shards are")} in other processes.` : "";
  if (pipeline.lag_ms === null) return ["elsewhere", "All shards are in other processes, or nobody's."];
  const waits = pipeline.lag_ms > 0 ? `the oldest event waits for ${duration(pipeline.lag_ms)}` : "nothing waits";
  return ["well", `All is well: ${waits}.${elsewhere}`];
}

const PLACES = { live: "Live", restoring: "Restoring", loading: "Loading", elsewhere: "Elsewhere" };

const COLUMNS = [
  { title: "Shard", text: ({ shard }) => String(shard) },
  {
    title: "Place",
    text: ({ place, restore_left }) =>
      restore_left > 0 ? `${PLACES[place]}, ${count(restore_left)} to go` : (PLACES[place] ?? place),
  },
  { title: "Lag", text: ({ lag_ms }) => wait(lag_ms), class: "number" },
  { title: "Epochs", text: ({ sequence }) => count(sequence), class: "number" },
  { title: "People", text: ({ people }) => count(people), class: "number" },
  { title: "Edges", text: ({ edges }) => count(edges), class: "number" },
  {
    title: "Checkpoint",
    text: ({ checkpoint_age_ms, checkpoint_bytes }) =>
      checkpoint_age_ms === undefined || checkpoint_age_ms === null
        ? "none"
        : `${duration(checkpoint_age_ms)} ago, ${bytes(checkpoint_bytes)}`,
    class: "number",
  },
];

const SHARD = {
  key: ({ shard }) => String(shard),
  make: () => {
    const cells = COLUMNS.map((column) => h("td", { "data-title": column.title, class: column.class }));
    const element = h("tr", {}, cells);
    element.shown = cells;
    return element;
  },
  show: (element, shard) => {
    element.dataset.place = shard.place;
    element.shown.forEach((cell, place) => say(cell, COLUMNS[place].text(shard)));
  },
};
