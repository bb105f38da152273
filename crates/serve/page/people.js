// What somebody is called, and on which network. All of it is chosen by strangers: names are text in which nothing is hidden,
// and only addresses of the web become links.

import { get, paths } from "./api.js";
import { h, letters, s, shown } from "./dom.js";
import { handle, personLink } from "./words.js";

/** Between two looks at how many people each network has: as often as the ranking is looked at. */
const FRESH_MS = 1_500;

/** The networks that the server knows, by their words. */
let known = { networks: [], others: 0 };
let askedAt = -Infinity;

/** The networks with the people on each, asked for now and then. */
export async function networks(signal) {
  if (performance.now() - askedAt > FRESH_MS) {
    known = await get(paths.networks(), signal);
    askedAt = performance.now();
  }
  return known;
}

/** The network of a word; one that the server does not know has no letters of its own. */
export const networkOf = (word) => known.networks.find(({ network }) => network === word) ?? null;

/** Letters in a box: not the network's own sign, which belongs to it. */
export function mark(word) {
  const network = networkOf(word);
  if (!network) return null;
  return s(
    "svg",
    { class: "net", viewBox: "0 0 26 18", width: 26, height: 18, role: "img", "aria-label": network.title },
    s("title", {}, network.title),
    s("rect", { x: 0.5, y: 0.5, width: 25, height: 17, rx: 5 }),
    s("text", { x: 13, y: 12.8, "text-anchor": "middle" }, network.mark),
  );
}

const UNLISTED = "Unlisted account";

/**
 * What somebody is called: the name, what stands below it, and the network in words. A shown name is anybody's to choose, so
 * that the handle or the name that is scored always stands below it.
 */
export function called({ user, account }) {
  const { name, network } = handle(user);
  const title = networkOf(account?.network)?.title ?? network;
  if (account && !account.is_listed) return { name: UNLISTED, below: "", network: title, isUnlisted: true };
  const own = account?.handle ? `@${account.handle}` : name;
  const display = account?.display_name?.trim() || own;
  return { name: display, below: display === own ? "" : own, network: title, isUnlisted: false };
}

/** The name as an element, cut where it is too long, with all of it as its title. */
export const nameOf = (one) => {
  const { name, isUnlisted } = called(one);
  const title = isUnlisted ? "Whoever it is does not agree to be named" : shown(name);
  return h("span", { class: isUnlisted ? "name unlisted" : "name", dir: "auto", title }, letters(name));
};

/** The network and what else somebody is called, as an element. */
export function belowOf(one) {
  const { below, network } = called(one);
  const sign = mark(one.account?.network);
  const words = below || network;
  if (!sign && !words) return null;
  return h(
    "span",
    { class: "network", title: below ? shown(below) : null },
    sign,
    words ? h("span", { class: below ? "handle" : "", dir: "auto" }, letters(words)) : null,
    one.account?.is_bot ? h("span", { class: "bot" }, "bot") : null,
  );
}

/** What says whether somebody is called otherwise by now. */
export function signature({ user, account }) {
  // Places move all the time.
  const { network_rank, network_people, network_share, language, country, ...names } = account ?? {};
  return JSON.stringify([user, names, networkOf(account?.network)?.mark]);
}

/** Shows in a cell of a list's element what somebody is called, if that has changed; says whether it has. */
export function showCalled(element, cell, one) {
  const told = signature(one);
  if (element.dataset.called === told) return false;
  element.dataset.called = told;
  cell.replaceChildren(...[nameOf(one), belowOf(one)].filter(Boolean));
  return true;
}

/** The line of somebody in a list: a link to their page. Whoever is not named has no page of their own here. */
export const lineOf = (one, cells, attributes = {}) =>
  called(one).isUnlisted
    ? h("span", { class: "line", ...attributes }, cells)
    : h("a", { href: personLink(one.user), ...attributes }, cells);

/** A link to the account on its network; none unless it is an address of the web. */
export function outLink({ account }, words) {
  let url;
  try {
    url = new URL(account?.url ?? "");
  } catch {
    return null;
  }
  if (!["http:", "https:"].includes(url.protocol)) return null;
  const title = networkOf(account.network)?.title ?? url.hostname;
  const says = `Open the account on ${title}`;
  return h(
    "a",
    {
      class: "out",
      href: url.href,
      target: "_blank",
      rel: "noopener noreferrer nofollow",
      title: says,
      "aria-label": says,
    },
    words ? h("span", {}, words(title)) : null,
    s(
      "svg",
      { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" },
      s("path", { d: "M6 3.5h6.5V10M12.5 3.5l-9 9" }),
    ),
  );
}
