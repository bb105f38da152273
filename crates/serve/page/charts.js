// Drawings: the dial, the sparkline, the history, the distribution. Each is drawn anew from its numbers.

import { h, s } from "./dom.js";
import { count, day, hour, plural, points, time, votes } from "./words.js";

const round = (number) => Math.round(number * 10) / 10;

/** The score on an arc from 0 to 100, open below. `show(score)` moves it. */
export function dial() {
  const [radius, from, sweep] = [86, 135, 270];
  const at = (degrees, distance) => {
    const angle = (degrees * Math.PI) / 180;
    return `${round(100 + distance * Math.cos(angle))} ${round(100 + distance * Math.sin(angle))}`;
  };
  const arc = `M${at(from, radius)}A${radius} ${radius} 0 1 1 ${at(from + sweep, radius)}`;
  const ticks = [0, 25, 50, 75, 100].map((tick) => {
    const degrees = from + (sweep * tick) / 100;
    return s("path", { class: "dial-tick", d: `M${at(degrees, radius - 12)}L${at(degrees, radius - 16)}` });
  });
  const value = s("path", { class: "dial-value", d: arc, pathLength: 100, "stroke-dasharray": "0 200" });
  const number = h("span", { class: "dial-number" });
  const drawing = s(
    "svg",
    { viewBox: "0 0 200 178", "aria-hidden": "true" },
    s("path", { class: "dial-track", d: arc }),
    ticks,
    value,
  );
  const show = (score) => {
    value.setAttribute("stroke-dasharray", `${round(score)} 200`);
    number.textContent = points(score);
    number.classList.toggle("long", number.textContent.length > 4);
  };
  return { element: h("div", { class: "dial" }, drawing, number, h("span", { class: "dial-of" }, "of 100")), show };
}

/** A line of the last minutes, without axes. */
export function sparkline(className = "spark") {
  const [width, height] = [96, 26];
  const line = s("polyline", { points: "" });
  const element = s(
    "svg",
    { class: className, viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    line,
  );
  /** The last number is at the right end; with `slots` there is room for so many, and what is not known yet stays empty. */
  const show = (numbers, spanMin = 0, slots = numbers.length) => {
    // A few of many would be a dash.
    if (numbers.length < 2 || 8 * numbers.length < slots) return line.setAttribute("points", "");
    const [low, high] = widened(Math.min(...numbers), Math.max(...numbers), spanMin);
    const x = (place) => round((width * (slots - numbers.length + place)) / (slots - 1));
    const y = (number) => round(2 + (height - 4) * (1 - (number - low) / (high - low)));
    return line.setAttribute("points", numbers.map((number, place) => `${x(place)},${y(number)}`).join(" "));
  };
  return { element, show };
}

/** Bounds at least so far apart, around the same middle. */
function widened(low, high, spanMin) {
  const missing = Math.max(spanMin - (high - low), 0) / 2;
  return high - low + missing > 0 ? [low - missing, high + missing] : [low - 1, high + 1];
}

const HISTORY = { height: 220, left: 44, right: 8, top: 12, bottom: 28 };
/** What a history is of: how its numbers are written, what they are called, their bounds, and what a drawing spans at least. */
export const OF_SCORE = { written: points, subject: "The score", spanMin: 4, most: 100 };
/** The score at the ends of days. */
export const OF_DAYS = { ...OF_SCORE, moment: day };
export const OF_INFLUENCE = { written: votes, subject: "The influence in votes", spanMin: 1, most: Infinity };
/** What a drawing is wide that is not on the page yet. */
const WIDTH = 400;

/** One unit of a drawing is one pixel, so that its text has the size of all other text. */
function fit(drawing, height) {
  const width = drawing.parentElement.clientWidth || WIDTH;
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  return width;
}

/** How a number moved: `[{ at, value }]`, the oldest first. It stands until the next one is published. */
export function history() {
  const drawing = s("svg", { role: "img" });
  const readout = h("p", { class: "readout", hidden: true });
  const element = h("div", { class: "history" }, drawing, readout);
  let scene = null;
  drawing.addEventListener("pointermove", (event) => scene && point(scene, drawing, readout, event));
  drawing.addEventListener("pointerleave", () => unpoint(drawing, readout));
  const show = (moves, what) => {
    scene = layOut(moves, what, fit(drawing, HISTORY.height));
    unpoint(drawing, readout);
    drawing.setAttribute("aria-label", describe(moves, what));
    drawing.replaceChildren(...axes(scene), ...curve(scene), s("g", { class: "cross" }));
  };
  return { element, show };
}

function layOut(moves, what, width) {
  const { height, left, right, top, bottom } = HISTORY;
  const times = moves.map(({ at }) => Date.parse(at));
  const values = moves.map(({ value }) => value);
  const bounds = widened(Math.min(...values), Math.max(...values), what.spanMin);
  // Nothing is below 0, nor above the most.
  const shift = Math.max(-bounds[0], 0) - Math.max(bounds[1] - what.most, 0);
  const [low, high] = bounds.map((bound) => bound + shift);
  const [begin, end] = [times[0], Math.max(times[times.length - 1], times[0] + 1)];
  const x = (at) => round(left + ((width - left - right) * (at - begin)) / (end - begin));
  const y = (value) => round(top + (height - top - bottom) * (1 - (value - low) / (high - low)));
  return { width, what, moves, times, low, high, begin, end, x, y };
}

function axes({ width, what, low, high, begin, end, y }) {
  const { height, left, right } = HISTORY;
  const power = 10 ** Math.floor(Math.log10((high - low) / 5));
  const step = [1, 2, 5, 10].map((one) => one * power).find((step) => (high - low) / step <= 5);
  const grid = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
    if (value < 0 || value > what.most) continue;
    grid.push(s("path", { class: "grid", d: `M${left} ${y(value)}H${width - right}` }));
    grid.push(
      s(
        "text",
        { class: "label", x: left - 8, y: y(value) + 4, "text-anchor": "end" },
        step < 1 ? points(value) : count(value),
      ),
    );
  }
  const isOneDay = day(begin) === day(end);
  const label = (at) => (what.moment ? what.moment(at) : isOneDay ? hour(at) : time(new Date(at).toISOString()));
  const base = height - 6;
  return [
    ...grid,
    s(
      "text",
      { class: "label", x: left, y: base },
      isOneDay && !what.moment ? time(new Date(begin).toISOString()) : label(begin),
    ),
    s("text", { class: "label", x: width - right, y: base, "text-anchor": "end" }, label(end)),
  ];
}

function curve({ width, moves, times, low, x, y }) {
  const { height, right, bottom } = HISTORY;
  let path = `M${x(times[0])} ${y(moves[0].value)}`;
  // What is of another model is no movement from what was before.
  moves.slice(1).forEach(({ value, isOther }, place) => {
    const at = x(times[place + 1]);
    path += `H${at}${isOther ? `M${at} ` : "V"}${y(value)}`;
  });
  path += `H${width - right}`;
  const last = moves[moves.length - 1];
  return [
    // A ground that is not 0 would make a small movement look like a large one.
    low <= 0 ? s("path", { class: "area", d: `${path}V${height - bottom}H${x(times[0])}Z` }) : null,
    s("path", { class: "curve", d: path }),
    s("circle", { class: "head", cx: width - right, cy: y(last.value), r: 4 }),
  ].filter(Boolean);
}

function point({ width, what, moves, times, begin, end, x, y }, drawing, readout, event) {
  const { height, left, right, top, bottom } = HISTORY;
  const box = drawing.getBoundingClientRect();
  const place = ((event.clientX - box.left) / box.width) * width;
  const at = begin + ((place - left) / (width - left - right)) * (end - begin);
  const next = times.findIndex((time) => time > at);
  const index = Math.max((next < 0 ? times.length : next) - 1, 0);
  const [cx, cy] = [x(Math.max(at, times[index])), y(moves[index].value)];
  const line = s("path", { class: "cross-line", d: `M${cx} ${top}V${height - bottom}` });
  drawing.querySelector(".cross").replaceChildren(line, s("circle", { class: "cross-dot", cx, cy, r: 4 }));
  readout.hidden = false;
  readout.textContent = `${what.written(moves[index].value)} since ${(what.moment ?? time)(moves[index].at)}`;
}

function unpoint(drawing, readout) {
  drawing.querySelector(".cross")?.replaceChildren();
  readout.hidden = true;
}

function describe(moves, { written, subject, moment = time }) {
  const values = moves.map(({ value }) => value);
  const [first, last] = [moves[0], moves[moves.length - 1]];
  const range = `between ${written(Math.min(...values))} and ${written(Math.max(...values))}`;
  return `${subject} moved ${plural(moves.length - 1, "time", "times")} ${range}: from ${written(first.value)} on ${moment(first.at)} to ${written(last.value)} on ${moment(last.at)}.`;
}

const SPREAD = { height: 132, base: 110 };

/** How many people have which score; somebody's place in it is marked. */
export function distribution() {
  const drawing = s("svg", { role: "img" });
  const caption = h("figcaption");
  const element = h("figure", { class: "spread" }, drawing, caption);
  const show = (spread, score = null) => {
    const width = fit(drawing, SPREAD.height);
    drawing.setAttribute("aria-label", describeSpread(spread, score));
    drawing.replaceChildren(...bars(width, spread, score), ...scaleOfScores(width), ...mark(width, score));
    caption.textContent = `${halfway(spread)} The height is the square root of how many there are.`.trim();
  };
  return { element, show };
}

function bars(width, { buckets }, score) {
  const { base } = SPREAD;
  const most = Math.max(...buckets.map((bucket) => bucket.count), 1);
  return buckets
    .filter((bucket) => bucket.count > 0)
    .map(({ from, to, count }) => {
      const height = Math.max((base - 18) * Math.sqrt(count / most), 1.5);
      const isHere = score !== null && score >= from && (score < to || to >= 100);
      const [x, wide] = [(from / 100) * width, ((to - from) / 100) * width];
      return s("rect", {
        class: isHere ? "bar here" : "bar",
        x: round(x + wide * 0.12),
        y: round(base - height),
        width: round(wide * 0.76),
        height: round(height),
        rx: 1,
      });
    });
}

function scaleOfScores(width) {
  const { base } = SPREAD;
  const label = (score) => {
    const anchor = score === 0 ? "start" : score === 100 ? "end" : "middle";
    return s("text", { class: "label", x: (score / 100) * width, y: base + 17, "text-anchor": anchor }, String(score));
  };
  return [s("path", { class: "axis", d: `M0 ${base}H${width}` }), ...[0, 20, 40, 60, 80, 100].map(label)];
}

function mark(width, score) {
  if (score === null) return [];
  const { base } = SPREAD;
  const x = round((score / 100) * width);
  const anchor = score > 85 ? "end" : score < 15 ? "start" : "middle";
  return [
    s("path", { class: "mark-line", d: `M${x} 16V${base}` }),
    s("text", { class: "mark-label", x, y: 11, "text-anchor": anchor }, points(score)),
  ];
}

/** The lowest score that is not shown as 0.0. */
const POINTS_LEAST = 0.1;

/** Of fewer people no tenth can be told. */
const TENTHS_MIN = 20;

const scoreBelow = ({ percentiles }, percent) => percentiles.find((one) => one.percent === percent)?.score;

function halfway(spread) {
  const [half, tenth] = [scoreBelow(spread, 50), scoreBelow(spread, 90)];
  if (spread.total < TENTHS_MIN || half === undefined || tenth === undefined) return "";
  if (tenth < POINTS_LEAST) return `Nine in ten people score below ${points(POINTS_LEAST)}.`;
  if (points(half) === points(tenth)) return `Half of all people, and more, score ${points(half)}.`;
  const least = POINTS_LEAST > half ? POINTS_LEAST : half;
  return `Half of all people score below ${points(least)}, one in ten above ${points(tenth)}.`;
}

function describeSpread(spread, score) {
  const own = score === null ? "" : ` This score is ${points(score)}.`;
  return `How scores are spread over ${plural(spread.total, "person", "people")}. ${halfway(spread)}${own}`;
}
