// The button for light and dark: as the system has it, the other one, its own one whatever the system says, and round again.

const WORDS = { system: "as the system has them", light: "light", dark: "dark" };

export function chooseTheme(button) {
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => root.dataset.theme ?? "system";
  const label = () => {
    button.dataset.chosen = chosen();
    button.title = `Colours: ${WORDS[chosen()]}`;
    button.setAttribute("aria-label", button.title);
  };
  button.addEventListener("click", () => {
    const [same, other] = prefersDark.matches ? ["dark", "light"] : ["light", "dark"];
    const next = { system: other, [other]: same, [same]: "system" }[chosen()];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    keep(next);
    label();
  });
  label();
}

function keep(theme) {
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Where nothing may be kept, the choice holds until the page is closed.
  }
}
