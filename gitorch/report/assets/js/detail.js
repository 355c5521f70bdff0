// All about one invocation.

function showDetail(invocation, goTo) {
  return el("div", { class: "detail" },
    el("div", { class: "detail-split" },
      el("div", { class: "words" }, words(invocation), gates(invocation), moves(invocation), files(invocation)),
      el("div", { class: "facts-side" }, facts(invocation), statesButton(invocation, goTo))),
    showDiff(invocation));
}

const LONG = 1500; // characters from which a text is scrolled in a box of its own

function words(invocation) {
  const parts = [];
  const say = (title, text, kind = "") => {
    if (!text) return;
    const long = text.length > LONG ? { tabindex: "0", role: "region", "aria-label": `${title}, can be scrolled` } : {};
    parts.push(el("h3", {}, title), el("p", { class: `told ${kind}`, dir: "auto", ...long }, text));
  };
  say("Next", invocation.next);
  say("Focus", invocation.focus);
  const asked = tasks[invocation.taskNumber]?.text;
  if (asked) {
    const text = el("p", { class: "told", dir: "auto" }, asked);
    parts.push(el("details", { class: "asked" }, el("summary", {}, "What the task asks"), text));
  }
  say("Question", invocation.question, "strong");
  say("Reason", invocation.reason, "strong");
  say("Summary", invocation.summary);
  if (invocation.summary_cut) parts.push(el("p", { class: "muted" }, `${plural(invocation.summary_cut, "more character")} left out; the commit has the whole.`));
  return parts;
}

function gates(invocation) {
  if (!invocation.checks) return [];
  const rows = invocation.checks.map(([exit, command]) =>
    el("li", {}, badge(exit ? "failed" : "completed", exit ? `exit ${exit}` : "passed"), " ", el("code", { dir: "auto" }, command)));
  return [el("h3", {}, "Gates"), el("ul", { class: "bare" }, rows)];
}

const MOVES_SHOWN = 100;

function moves(invocation) {
  const all = invocation.points.flatMap((point) => movesOf(points.moves[point]));
  if (!all.length) return [];
  const rows = all.slice(0, MOVES_SHOWN).map((move) => el("li", { class: "move" },
    foreign(tasks[move.task].name, "path"), " ", el("span", {}, stateWord(move.before), " → ", stateWord(move.after))));
  if (all.length > MOVES_SHOWN) rows.push(el("li", { class: "muted" }, `${plural(all.length - MOVES_SHOWN, "more move")}`));
  return [el("h3", {}, "Moves"), el("ul", { class: "bare" }, rows)];
}

const stateWord = (state) => (state === 0 ? el("span", { class: "muted" }, "none") : badge(STATES[state]));

function files(invocation) {
  if (!invocation.files.length) return [];
  const total = invocation.files.length + (invocation.more_files ?? 0);
  const rows = invocation.files.map((path) => el("li", {}, foreign(path, "path")));
  if (invocation.more_files) rows.push(el("li", { class: "muted" }, `${plural(invocation.more_files, "more file")}`));
  return [el("h3", {}, total === 1 ? "File" : `Files (${count(total)})`), el("ul", { class: "bare" }, rows)];
}

function facts(invocation) {
  const rows = [
    ["Agent", foreign(agentOf(invocation))],
    ["Model", invocation.model && foreign(invocation.model)],
    ["Events", invocation.by === "hand" ? eventsOf(invocation) : null],
    ["Attempt", invocation.attempt],
    ["Began", moment(invocation.began)],
    ["Ended", invocation.ended === undefined ? "not yet" : moment(invocation.ended)],
    ["Agent’s time", invocation.seconds !== undefined ? duration(invocation.seconds) : null],
    ["Cost", costOf(invocation)],
    ["Tokens", tokensOf(invocation.tokens)],
    ["Exit code", invocation.exit],
    ["Try again at", invocation.retry_at],
    ["Work kept at", invocation.rescue && el("code", {}, invocation.rescue)],
    ["Agent’s session", invocation.session && foreign(invocation.session)],
    ["Invocation", invocation.id && el("code", {}, invocation.id)],
    ["Commits", el("ul", { class: "bare" }, invocation.commits.slice(0, 50).map((number) => el("li", {}, commitLink(number))))],
  ];
  return el("dl", { class: "facts" }, rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([key, value]) => el("div", {}, el("dt", {}, key), el("dd", {}, value))));
}

const eventsOf = (invocation) => [...new Set(invocation.points.map((point) => events[points.event[point]]))].join(", ");

function costOf(invocation) {
  if (invocation.cost !== undefined) return money(invocation.cost);
  return invocation.unpriced ? "unknown" : null;
}

function tokensOf(tokens) {
  if (!tokens) return null;
  const words = ["in", "cached", "out"];
  return tokens.map((number, index) => (number === null ? null : `${count(number)} ${words[index]}`)).filter(Boolean).join(", ");
}

function statesButton(invocation, goTo) {
  if (!invocation.points.length) return null;
  const point = invocation.points[invocation.points.length - 1];
  return button("Show the states after it", () => goTo(point), { class: "small-button" });
}
