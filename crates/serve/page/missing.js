// An address that no page has.

import { h } from "./dom.js";

export function missing(root, address) {
  root.append(
    h(
      "section",
      { class: "card absent" },
      h("h1", { tabindex: -1 }, "No such page"),
      h("p", {}, `Nothing is at ${address}. A person’s page is at #/u/ and the name.`),
      h("p", {}, h("a", { href: "#/" }, "To the ranking")),
    ),
  );
  document.title = "No such page · Clout";
}
