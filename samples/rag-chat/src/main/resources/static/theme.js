"use strict";

/* Light or dark: as the system says until the button is used, then as it was left. Runs before the first paint. */
(() => {
  const KEY = "slim-infer-theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  const chosen = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be forbidden; the system's choice holds then
    }
  };
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

  const show = () => {
    const button = document.getElementById("theme");
    if (button !== null) {
      button.setAttribute("aria-pressed", String(isDark()));
    }
  };

  const theme = chosen();
  if (theme === "light" || theme === "dark") {
    root.dataset.theme = theme;
  }
  system.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try {
        localStorage.setItem(KEY, root.dataset.theme);
      } catch {
        // holds for this visit only
      }
      show();
    });
  });
})();
