// The stream of changes. It goes on where it was, or begins anew, with patience, when the server goes away. Not by
// EventSource: that sends no token.

import { ask, tell } from "./api.js";

const RETRY_MS = [500, 1_000, 2_000, 3_000];

/** Listens until the signal says stop. `on` has `score(change)`, `removed(change)` and `reset()`, each if it is wanted. */
export async function listen(query, signal, on) {
  let last = null;
  let tries = 0;
  const hear = ({ id, event, data }) => {
    last = id ?? last;
    if (event) on[event]?.(JSON.parse(data));
  };
  while (!signal.aborted) {
    const response = await open(query, last, signal);
    if (response?.ok) {
      tries = 0;
      tell(true);
      await read(response.body.getReader(), hear);
    }
    // Whoever refuses is there.
    if ((!response || response.ok) && !signal.aborted) tell(false);
    await pause(RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)], signal);
  }
}

/** The answer; none if nobody answers. */
async function open(query, last, signal) {
  try {
    return await ask(
      `/v1/stream?${new URLSearchParams(query)}`,
      signal,
      last === null ? {} : { "last-event-id": last },
    );
  } catch {
    return null;
  }
}

/** Reads events to the end, however it comes. */
async function read(reader, hear) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const chunk = await reader.read().catch(() => ({ done: true }));
    if (chunk.done) return;
    const events = (rest + decoder.decode(chunk.value, { stream: true })).split("\n\n");
    rest = events.pop();
    for (const event of events) hear(parsed(event));
  }
}

/** The fields of an event; lines without a name before the colon are comments. */
function parsed(text) {
  const fields = {};
  for (const line of text.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return fields;
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
