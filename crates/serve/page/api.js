// Questions to the server, and whether it answers.

/** The server refuses: `status` is HTTP's, `message` its own words. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `status ${status}`);
    this.status = status;
  }
}

/** The server does not answer. */
export class Silence extends Error {}

const listeners = new Set();
let answers = null;
let askForToken = () => {};

/** Calls when the server wants a token, or another one. */
export function onTokenWanted(listener) {
  askForToken = listener;
}

/** The server's token, kept until the tab is closed. */
export const token = {
  kept: null,
  get() {
    try {
      return sessionStorage.getItem("token");
    } catch {
      return this.kept;
    }
  },
  set(text) {
    this.kept = text;
    try {
      sessionStorage.setItem("token", text);
    } catch {
      // Where nothing may be kept, it holds until the page is closed.
    }
  },
};

/** Asks the server, with the token if there is one. */
export async function ask(path, signal, headers) {
  const known = token.get();
  const response = await fetch(path, {
    signal,
    headers: known ? { ...headers, authorization: `Bearer ${known}` } : headers,
  });
  if (response.status === 401) askForToken();
  return response;
}

/** Calls with true when the server answers again, with false when it has stopped. */
export function onConnection(listener) {
  listeners.add(listener);
}

export function tell(isAnswering) {
  if (answers !== isAnswering) {
    answers = isAnswering;
    listeners.forEach((listener) => listener(isAnswering));
  }
}

/** A server that has not answered for so long does not answer: it may be frozen, or the way to it dead. */
const PATIENCE_MS = 8_000;

/** Asks for a path of the API. */
export async function get(path, signal) {
  const patience = new AbortController();
  const giveUp = () => patience.abort();
  const timer = setTimeout(giveUp, PATIENCE_MS);
  if (signal?.aborted) giveUp();
  signal?.addEventListener("abort", giveUp);
  let response;
  let body;
  try {
    response = await ask(path, patience.signal, { accept: "application/json" });
    body = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (patience.signal.aborted) response = undefined;
    if (response && !isGone(response.status)) throw new Refusal(response.status, {});
    tell(false);
    throw new Silence("the server does not answer");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
  if (isGone(response.status) && body.status === undefined) {
    tell(false);
    throw new Silence("the server does not answer");
  }
  tell(true);
  if (!response.ok) throw new Refusal(response.status, body);
  return body;
}

/** What something in front of the server says when it is not there. */
const isGone = (status) => status === 502 || status === 503 || status === 504;

export const paths = {
  user: (user) => `/v1/users/${encodeURIComponent(user)}`,
  history: (user) => `/v1/users/${encodeURIComponent(user)}/history?days=0`,
  closes: (user, days) => `/v1/users/${encodeURIComponent(user)}/history?days=${days}`,
  movement: (user, from) => `/v1/users/${encodeURIComponent(user)}/movement?from=${from}`,
  person: (name) => `/v1/people/${encodeURIComponent(name)}`,
  circle: (user, by) => `/v1/users/${encodeURIComponent(user)}/circle?by=${by}`,
  movers: (span, limit) => `/v1/movers?span=${span}&limit=${limit}`,
  around: (user, limit) => `/v1/users/${encodeURIComponent(user)}/around?limit=${limit}`,
  ranking: (limit, chosen) => {
    const parts = ["network", "language", "country"].filter((key) => chosen[key]);
    return `/v1/ranking?limit=${limit}${parts.map((key) => `&${key}=${encodeURIComponent(chosen[key])}`).join("")}`;
  },
  facets: () => "/v1/facets",
  networks: () => "/v1/networks",
  search: (prefix, limit) => `/v1/search?prefix=${encodeURIComponent(prefix)}&limit=${limit}`,
  searchInside: (letters, limit) => `/v1/search?contains=${encodeURIComponent(letters)}&limit=${limit}`,
  distribution: () => "/v1/distribution",
  status: () => "/v1/status",
};

/** Does something again and again, slower while it fails, not at all while nobody looks; until the signal says stop. */
export function repeat(everyMs, signal, task) {
  let timer = null;
  let failures = 0;
  let isUnderWay = false;
  const turn = async () => {
    clearTimeout(timer);
    if (isUnderWay || signal.aborted || document.hidden) return;
    isUnderWay = true;
    try {
      await task();
      failures = 0;
    } catch (error) {
      if (!signal.aborted && !(error instanceof Silence || error instanceof Refusal)) console.error(error);
      failures = Math.min(failures + 1, 4);
    }
    isUnderWay = false;
    if (!signal.aborted) timer = setTimeout(turn, everyMs + failures * 500);
  };
  document.addEventListener("visibilitychange", turn, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  turn();
  return turn;
}
