// Light, dark, or as the system has it. The choice is kept where the browser allows it.

const THEMES = { auto: "automatic", light: "light", dark: "dark" };

function makeTheme() {
  const toggle = byId("theme");
  let chosen = "auto";
  try {
    chosen = localStorage.getItem("gitorch-theme") ?? "auto";
  } catch {
    // without storage the choice lasts as long as the page
  }
  const show = () => {
    if (!(chosen in THEMES)) chosen = "auto";
    document.documentElement.dataset.theme = chosen;
    toggle.textContent = `Theme: ${THEMES[chosen]}`;
  };
  toggle.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    chosen = names[(names.indexOf(chosen) + 1) % names.length];
    show();
    try {
      localStorage.setItem("gitorch-theme", chosen);
    } catch {
      // as above
    }
  });
  toggle.hidden = false;
  show();
}
