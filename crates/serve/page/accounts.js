// The accounts of one person: what each adds to what all have together.

import { get, paths } from "./api.js";
import { arrange, card, h, letters, say } from "./dom.js";
import { called, lineOf, showCalled } from "./people.js";
import { capital, count, points, votes } from "./words.js";

const PROOFS = {
  operator: "linked by whoever runs this server",
  claim: "each account has posted its code",
  "rel-me": "both pages link to each other",
  move: "moved from one account to the other",
};

/** A card that is hidden for whoever has one account. */
export function accountsCard(signal) {
  const lead = h("p", { class: "lead" });
  const list = h("ol", { class: "neighbours", "aria-label": "Accounts of this person" });
  const unlisted = h("p", { class: "note", hidden: true });
  const element = card("accounts-card", "accounts", "One person, several accounts", lead, list, unlisted);
  element.hidden = true;
  /** Asks for the person of an account, if it is one of several. */
  const show = async (self) => {
    if (!self.person) {
      element.hidden = true;
      return;
    }
    const person = await get(paths.person(self.user), signal);
    element.hidden = !person.is_linked;
    if (element.hidden) return;
    const name = h("strong", { dir: "auto" }, letters(person.person));
    const words = [` has ${points(person.score)} points with all accounts, rank ${count(person.rank)} of all people.`];
    lead.replaceChildren(name, ...words);
    arrange(list, person.accounts, account(self.user));
    unlisted.hidden = person.unlisted === 0;
    const many = person.unlisted === 1 ? "One account is" : `${count(person.unlisted)} accounts are`;
    say(
      unlisted,
      `${many} not to be found, and ${person.unlisted === 1 ? "adds" : "add"} ${share(person.unlisted_share)}.`,
    );
  };
  return { element, show };
}

const share = (percent) => `${percent.toFixed(percent < 10 ? 1 : 0)} %`;

const account = (self) => ({
  key: ({ user }) => user,
  make: (one) => {
    const parts = {
      person: h("span", { class: "cell-person" }),
      share: h("span", { class: "cell-rank" }),
      score: h("span", { class: "mover-score" }),
    };
    const current = one.user === self ? "true" : null;
    const title = capital(PROOFS[one.proof] ?? "");
    const cells = [parts.share, parts.person, parts.score];
    const element = h("li", {}, lineOf(one, cells, { "aria-current": current, title }));
    element.parts = parts;
    return element;
  },
  show: (element, one) => {
    const { parts } = element;
    showCalled(element, parts.person, one);
    say(parts.share, share(one.share));
    parts.share.title = `${called(one).name} adds ${votes(one.influence)} votes`;
    say(parts.score, points(one.score));
  },
});
