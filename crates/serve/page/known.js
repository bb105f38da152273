// What was seen of people on the way: shown at once, and when the server is away.

const KNOWN_MAX = 500;
const people = new Map();

export function noteKnown(users) {
  for (const one of users) {
    people.delete(one.user);
    people.set(one.user, one);
  }
  for (const user of people.keys()) {
    if (people.size <= KNOWN_MAX) return;
    people.delete(user);
  }
}

/** The last that was seen of somebody. */
export const lastKnown = (user) => people.get(user) ?? null;
