// Numbers, times and names as people read them.

const whole = new Intl.NumberFormat("en");
const oneDecimal = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const twoDecimals = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

export const count = (number) => whole.format(Math.round(number));
export const points = (number) => oneDecimal.format(Math.abs(number) < 0.05 ? 0 : number);
export const factor = (number) => twoDecimals.format(number);

/** Votes: the more there are, the fewer digits behind the point. */
export const votes = (number) => (number >= 100 ? count(number) : number >= 10 ? points(number) : factor(number));

/** With its sign, and nothing where there is no move. */
export function signed(number) {
  const text = oneDecimal.format(Math.abs(number));
  return text === "0.0" ? "0.0" : `${number > 0 ? "+" : "−"}${text}`;
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const plural = (number, one, many) => `${count(number)} ${Math.round(number) === 1 ? one : many}`;

export const time = (at) => {
  const moment = new Date(at);
  return Number.isNaN(moment.getTime()) ? "" : `${date.format(moment)}, ${clock.format(moment)}`;
};

export const hour = (at) => clock.format(new Date(at));
export const day = (at) => date.format(new Date(at));

/** Milliseconds in the unit that fits. */
export function duration(ms) {
  if (ms < 1) return ms > 0 ? "<1 ms" : "0 ms";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${points(ms / 1_000)} s`;
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return plural(ms / 86_400_000, "day", "days");
}

/** A span of a log's own time, rounded: `10 hours`, `1 minute`. */
export function span(ms) {
  const units = [
    { name: "day", ms: 86_400_000 },
    { name: "hour", ms: 3_600_000 },
    { name: "minute", ms: 60_000 },
    { name: "second", ms: 1_000 },
  ];
  const unit = units.find((unit) => ms >= 0.95 * unit.ms) ?? units[3];
  return plural(ms / unit.ms, unit.name, `${unit.name}s`);
}

export function bytes(number) {
  if (number < 1_000) return `${number} B`;
  if (number < 1_000_000) return `${Math.round(number / 1_000)} kB`;
  if (number < 1_000_000_000) return `${points(number / 1_000_000)} MB`;
  return `${points(number / 1_000_000_000)} GB`;
}

/** What stands before the first colon of a name, where a person of some network is meant. */
const NETWORK = /^([a-z][a-z0-9_.-]{0,19}):(?=.)/s;

/** What stands there in addresses and identifiers: no network. */
const SCHEMES = new Set(["acct", "at", "did", "http", "https", "mailto", "tag", "urn"]);

/** A name without its network, and the network. */
export function handle(user) {
  const [before = "", network = ""] = NETWORK.exec(user) ?? [];
  if (SCHEMES.has(network)) return { name: user, network: "" };
  return { name: user.slice(before.length), network };
}

export const personLink = (user) => `#/u/${encodeURIComponent(user)}`;

/**
 * The ranking of a network, of those who write and say the same, or of everybody.
 * @param {string | undefined} network
 * @param {{ language?: string, country?: string }} [chosen]
 */
export function rankingLink(network, { language, country } = {}) {
  if (!language && !country) return network ? `#/on/${encodeURIComponent(network)}` : "#/";
  const chosen = Object.entries({ network, language, country }).filter(([, value]) => value);
  return `#/by/${encodeURIComponent(new URLSearchParams(chosen).toString())}`;
}

/** Where somebody stands among all, in words. */
export function standing({ rank, percentile }) {
  if (rank === 1) return percentile <= 0 ? "nobody scores higher or lower" : "nobody scores higher";
  if (percentile <= 0) return "nobody scores lower";
  // Nobody but the first is higher than all.
  return `higher than ${points(Math.min(percentile, 99.9))} % of all rated people`;
}

/** Why a score moves: what each part is called when it lifts and when it lowers. */
export const REASONS = {
  reach: ["more fans", "fans fade"],
  amplification: ["each acts more", "each acts less"],
  network: ["they count for more", "they count for less"],
  openness: ["more open", "less open"],
  room: ["more room for strangers' votes", "less room for strangers' votes"],
  audience: ["a larger audience", "a smaller audience"],
  scale: ["100 stands for less", "100 stands for more"],
};

export const reason = (part, moved) => REASONS[part][moved >= 0 ? 0 : 1];

/** `more fans +1.8, they count for more +0.4`, the largest first. */
export function because(parts) {
  const told = Object.keys(REASONS)
    .map((part) => [part, parts[part] ?? 0])
    .filter(([, moved]) => Math.abs(moved) >= 0.05)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  return told.map(([part, moved]) => `${reason(part, moved)} ${signed(moved)}`).join(", ");
}
