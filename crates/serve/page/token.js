// Where a server asks for a token, so does the page.

import { get, paths, Refusal, token } from "./api.js";
import { h, say } from "./dom.js";

/** What a header can hold. */
const FIT = /^[\x21-\x7e]+$/;

export function tokenForm(root, isAnother, accepted) {
  const input = h("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "token-refused",
  });
  const refused = h(
    "p",
    { class: "refused", id: "token-refused", role: "alert" },
    isAnother ? "The token is not accepted any more." : "",
  );
  const submit = async (event) => {
    event.preventDefault();
    const problem = await tried(input.value.trim());
    say(refused, problem);
    if (problem) input.select();
    else accepted();
  };
  root.append(
    h(
      "form",
      { class: "card token", submit },
      h("h1", { tabindex: -1 }, "A token, please"),
      h(
        "p",
        {},
        "This server shows scores to those who have one. Whoever runs it gives them out. This tab keeps it until it is closed.",
      ),
      h("label", { for: "token" }, "Token"),
      h("div", { class: "token-line" }, input, h("button", { type: "submit" }, "Show scores")),
      refused,
    ),
  );
  document.title = "Clout";
  input.focus();
}

/** Why this one does not do; empty if it does. */
async function tried(text) {
  if (!FIT.test(text)) return "This is no token: it has no blanks, and plain letters.";
  token.set(text);
  try {
    await get(paths.status());
    return "";
  } catch (error) {
    return error instanceof Refusal
      ? "This token is not accepted."
      : "The server does not answer. Try again in a moment.";
  }
}
