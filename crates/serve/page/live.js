// The stream of changes. It begins anew by itself, with patience, when the server goes away.

import { tell } from "./api.js";

const RETRY_MS = [500, 1_000, 2_000, 3_000];

/** Listens until the signal says stop. `on` has `score(change)`, `removed(change)` and `reset()`, each if it is wanted. */
export function listen(query, signal, on) {
  let source = null;
  let tries = 0;
  let timer = null;

  const open = () => {
    source = new EventSource(`/v1/stream?${new URLSearchParams(query)}`);
    source.addEventListener("open", () => {
      tries = 0;
      tell(true);
    });
    source.addEventListener("score", (event) => on.score?.(JSON.parse(event.data)));
    source.addEventListener("removed", (event) => on.removed?.(JSON.parse(event.data)));
    source.addEventListener("reset", () => on.reset?.());
    source.addEventListener("error", fail);
  };

  const fail = () => {
    if (signal.aborted) return;
    tell(false);
    if (source.readyState === EventSource.CLOSED) {
      timer = setTimeout(open, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
    }
  };

  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    source?.close();
  });
  open();
}
