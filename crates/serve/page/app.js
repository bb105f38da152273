// The frame: which page is shown, the theme, the search, and whether the server answers.

import { onConnection, onTokenWanted, token } from "./api.js";
import { find, h, say } from "./dom.js";
import { missing } from "./missing.js";
import { person } from "./person.js";
import { pipeline } from "./pipeline.js";
import { ranking } from "./ranking.js";
import { search } from "./search.js";
import { onStatus, watchStatus } from "./status.js";
import { chooseTheme } from "./theme-button.js";
import { tokenForm } from "./token.js";
import { count, day, duration, span } from "./words.js";

/** A silence shorter than that is not worth a word. */
const SILENCE_MS = 700;
const BACK_MS = 4_000;
/** What was scored longer ago is not live. */
const LIVE_MS = 15_000;
/** Times that are further back than that are not now. */
const PAST_MS = 3_600_000;
/** Records that are still to be read and are worth a word: a moment's work. */
const BEHIND_MIN = 50_000;
/** The same while nothing is scored; each partition may have a few that are no records. */
const BEHIND_IDLE_MIN = 1_000;
/** How long a page has to be as long as it was when somebody left it. */
const RESTORE_MS = 3_000;

const main = find("main");
let leave = new AbortController();

/** The page that an address names, and whom it is about. */
function route() {
  const [, place = "", ...rest] = location.hash.replace(/^#/, "").split("/");
  if (place === "pipeline") return ["pipeline", pipeline, null];
  const user = decoded(rest.join("/"));
  if ((place === "u" || place === "user") && user) return ["person", person, user];
  if (place === "on" && user) return ["ranking", ranking, { network: user }];
  if (place === "by" && user) return ["ranking", ranking, Object.fromEntries(new URLSearchParams(user))];
  if (place === "" && !user) return ["ranking", ranking, {}];
  return ["missing", missing, location.hash];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function show(isFirst) {
  const [name, page, subject] = route();
  leave.abort();
  leave = new AbortController();
  document.title = "Clout";
  document.body.dataset.page = name;
  for (const link of document.querySelectorAll(".places a")) {
    link.toggleAttribute("aria-current", false);
    if (link.matches(`[data-page="${name}"]`)) link.setAttribute("aria-current", "page");
  }
  const root = h("div", { class: `page ${name}-page` });
  main.replaceChildren(root);
  const known = history.state ?? {};
  page(root, subject, leave.signal, { known, remember });
  if (!isFirst) main.querySelector("h1")?.focus({ preventScroll: true });
  if (!isFirst || known.scroll) scrollWhenThere(known.scroll ?? 0, leave.signal);
}

/** Keeps with this entry of the history what its page wants to know when somebody comes back to it. */
function remember(what) {
  history.replaceState({ ...history.state, ...what }, "");
}

/** Goes to where somebody was; what is there comes from the server first. */
function scrollWhenThere(top, signal) {
  const began = performance.now();
  const turn = () => {
    if (signal.aborted) return;
    scrollTo(0, top);
    if (scrollY < top - 1 && performance.now() - began < RESTORE_MS) requestAnimationFrame(turn);
  };
  turn();
}

function rememberScroll() {
  history.scrollRestoration = "manual";
  let timer = null;
  addEventListener(
    "scroll",
    () => {
      clearTimeout(timer);
      const entry = location.hash;
      timer = setTimeout(() => location.hash === entry && remember({ scroll: Math.round(scrollY) }), 100);
    },
    { passive: true },
  );
}

/** Instead of whatever was there: without a token there is nothing to see. */
function wantToken() {
  if (document.body.dataset.page === "token") return;
  leave.abort();
  leave = new AbortController();
  document.body.dataset.page = "token";
  const root = h("div", { class: "page token-page" });
  main.replaceChildren(root);
  tokenForm(root, token.get() !== null, () => show(false));
}

function watchConnection() {
  const pulse = find(".pulse");
  const word = find(".pulse-word", pulse);
  const notice = find(".notice");
  let timer = null;
  let wasLost = false;
  let hasReturned = false;
  const tell = (state, words) => {
    notice.dataset.state = state;
    if (notice.textContent !== words) notice.textContent = words;
    notice.hidden = words === "";
  };
  const lost = () => {
    wasLost = true;
    pulse.dataset.state = "lost";
    say(word, "Reconnecting");
    tell(
      "lost",
      "The server does not answer. What you see is from before; it goes on by itself as soon as the server is back.",
    );
  };
  const back = () => {
    tell("back", "The server is back.");
    timer = setTimeout(() => tell("", ""), BACK_MS);
  };
  const begins = (waitsForBrokers) => {
    clearTimeout(timer);
    tell(
      "begins",
      waitsForBrokers
        ? "No broker has answered this server yet. The scores appear when one has, and all of them are read."
        : "The server reads the scores that were there before it started. They appear when it has read all of them.",
    );
  };
  onStatus(({ view, demo }) => {
    const [state, words] = pulseOf(view, demo);
    pulse.dataset.state = state;
    say(word, words);
    const [isReady, hasBegun] = [view?.ready ?? true, notice.dataset.state === "begins"];
    if (!isReady) begins(view.waits_for_brokers);
    if (isReady && hasBegun && hasReturned) back();
    else if (isReady && hasBegun) tell("", "");
    hasReturned &&= !isReady;
  });
  onConnection((isAnswering) => {
    clearTimeout(timer);
    if (!isAnswering) timer = setTimeout(lost, SILENCE_MS);
    else if (wasLost) {
      wasLost = false;
      hasReturned = true;
      back();
    }
  });
}

/** Whether scores are being made, and for now: that the server answers is not enough. */
function pulseOf(view, demo) {
  if (!view) return ["quiet", "No scores here"];
  if (!view.ready) return ["behind", view.waits_for_brokers ? "No broker answers" : "Catching up"];
  if (view.lag >= BEHIND_MIN) return ["behind", `Behind by ${count(view.lag)} records`];
  // Scores of those whose records are read are there; of the others there are older ones, or none.
  if (isUnread(view)) return ["behind", `${count(view.unread)} records to be read${idleSince(view)}`];
  if ((view.closes?.lag ?? 0) >= BEHIND_MIN) return ["behind", `History behind by ${count(view.closes.lag)} closes`];
  if (demo?.has_ended) return ["quiet", "At its end"];
  const scored = view.scored_ms_ago ?? null;
  if (scored === null) return sinceBefore(view.as_of, demo);
  if (scored >= LIVE_MS) return ["quiet", `Last scored ${duration(scored)} ago`];
  // A log of another time, or one that is caught up with: a demo says that on a line of its own.
  return demo || !view.as_of || Date.now() - Date.parse(view.as_of) < PAST_MS
    ? ["live", "Live"]
    : ["behind", `Scoring ${day(view.as_of)}`];
}

/** Whether records wait that are worth a word: many, or some while nothing is scored. */
function isUnread({ unread, scored_ms_ago, as_of }) {
  const isIdle = scored_ms_ago == null ? !as_of : scored_ms_ago >= LIVE_MS;
  return (unread ?? 0) >= (isIdle ? BEHIND_IDLE_MIN : BEHIND_MIN);
}

/** For how long nothing has been scored, where records wait. */
function idleSince({ scored_ms_ago, as_of }) {
  const scored = scored_ms_ago ?? null;
  if (scored !== null) return scored < LIVE_MS ? "" : `, none for ${duration(scored)}`;
  return as_of ? ", none now" : ", none scored yet";
}

/** What is known where no score has come since the server started: how old those are that were there. */
function sinceBefore(asOf, demo) {
  if (!asOf) return ["quiet", "Nothing scored yet"];
  const age = Date.now() - Date.parse(asOf);
  if (demo || age >= PAST_MS) return ["quiet", `Scores of ${day(asOf)}`];
  return age < LIVE_MS ? ["live", "Live"] : ["quiet", `Last scored ${duration(age)} ago`];
}

/** `10 minutes of it pass`. */
function passes(ms) {
  const words = span(ms);
  return `${words} of it ${words.startsWith("1 ") ? "passes" : "pass"}`;
}

/** What is shown, and how fast it passes. */
function sentenceOf({ what, speed, has_ended }) {
  if (has_ended) return `${what} is at its end.`;
  return speed === 1 ? `${what}, as it happens.` : `${what}: ${passes(speed * 1_000)} in a second.`;
}

/** What is made up says so, on every page. */
function showWhatItIs() {
  const line = find(".made-up");
  onStatus(({ demo, pipeline }) => {
    line.hidden = !demo;
    if (demo) say(line, sentenceOf(demo));
    find('.places [data-page="pipeline"]').hidden = !pipeline;
  });
}

// The address of a page is behind the #, so that a click on this link must not change it.
find(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
onTokenWanted(wantToken);
watchConnection();
showWhatItIs();
watchStatus();
rememberScroll();
chooseTheme(find(".theme"));
search(find(".search"));
addEventListener("hashchange", () => show(false));
show(true);
