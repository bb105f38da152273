// Light or dark before anything is painted. Without a choice the system decides.
{
  const chosen = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const theme = chosen();
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
}
