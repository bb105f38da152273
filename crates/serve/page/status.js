// What the server says about itself: whether anything is being scored, whether it is a demo, whether it has a pipeline.

import { get, paths, repeat } from "./api.js";

const listeners = new Set();
let last = null;

/** Calls with each new status, and with the last one at once. */
export function onStatus(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener("abort", () => listeners.delete(listener));
  if (last) listener(last);
}

/** How many times faster than the clock on the wall the log's own time passes: 1 but in a demo. */
export const speed = () => last?.demo?.speed ?? 1;

/** Asks as long as the page is open. */
export function watchStatus() {
  return repeat(2_000, new AbortController().signal, async () => {
    last = await get(paths.status());
    listeners.forEach((listener) => listener(last));
  });
}
