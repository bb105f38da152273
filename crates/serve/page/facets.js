// Languages and countries by which the ranking is filtered, called what they are: one is seen in posts, the other is said by a profile.

import { get, paths } from "./api.js";
import { h } from "./dom.js";
import { capital, count, rankingLink } from "./words.js";

const namesOf = (type) => {
  const names = new Intl.DisplayNames("en", { type, fallback: "code" });
  return (code) => {
    try {
      return names.of(code) ?? code;
    } catch {
      return code;
    }
  };
};
const languageName = namesOf("language");
const countryName = namesOf("region");

/** `writes in Dutch`. */
export const writes = (code) => `writes in ${languageName(code)}`;
/** `says Netherlands`. */
export const says = (code) => `says ${countryName(code)}`;

const KINDS = [
  {
    key: "language",
    list: "languages",
    label: "Language, as posts were seen",
    any: "Writes in any language",
    word: writes,
  },
  { key: "country", list: "countries", label: "Country, as profiles say", any: "Says any country", word: says },
];

/** Who is chosen, in words: `, writing in Dutch and saying Netherlands`; empty for everybody. */
export function chosenWords({ language, country }) {
  const words = [
    language ? `writing in ${languageName(language)}` : null,
    country ? `saying ${countryName(country)}` : null,
  ].filter(Boolean);
  return words.length === 0 ? "" : `, ${words.join(" and ")}`;
}

/** Two fields to choose from, each hidden as long as there is nothing to choose. */
export function facetFields(chosen) {
  const element = h("div", { class: "facets", hidden: true });
  const fields = KINDS.map((kind) => {
    const field = h("select", { "aria-label": kind.label });
    field.addEventListener("change", () => {
      location.hash = rankingLink(chosen.network, { ...chosen, [kind.key]: field.value });
    });
    element.append(field);
    return { ...kind, field };
  });
  let told = "";
  const refresh = async (signal) => {
    const facets = await get(paths.facets(), signal);
    // Nobody wants a list that changes under the finger.
    if (told === JSON.stringify(facets) || element.contains(document.activeElement)) return;
    told = JSON.stringify(facets);
    for (const { key, list, any, word, field } of fields) {
      const there = facets[list];
      const mine = chosen[key];
      const lost = mine && !there.some(({ value }) => value === mine) ? [{ value: mine, people: 0 }] : [];
      const options = [...there, ...lost].map(({ value, people }) =>
        h("option", { value }, `${capital(word(value))} · ${count(people)}`),
      );
      field.replaceChildren(h("option", { value: "" }, any), ...options);
      field.value = mine ?? "";
      field.hidden = options.length === 0;
    }
    element.hidden = fields.every(({ field }) => field.hidden);
  };
  return { element, refresh };
}
