// The slider: one point of the history, and all that shows it.

function makeMoment(showers, openInvocation) {
  const slider = byId("moment");
  slider.max = String(last);
  let current = -1;

  const tell = later((text) => (byId("moment-live").textContent = text), 400);
  const draw = oncePerFrame((point) => {
    const states = statesAt(point);
    showMain(mains[points.main[point]]);
    showers.forEach((show) => show(point, states));
  });

  function go(point) {
    point = Math.max(0, Math.min(last, point));
    if (point === current) return;
    current = point;
    slider.value = String(point);
    const text = describePoint(point);
    slider.setAttribute("aria-valuetext", text);
    byId("moment-text").textContent = text;
    const index = invocationAt[point];
    byId("moment-open").hidden = index < 0;
    byId("moment-open").textContent = index < 0 ? "" : `Open invocation ${count(index + 1)}`;
    draw(point);
    tell(`${text}. ${describe(statesAt(point))}`);
  }

  slider.addEventListener("input", () => go(Number(slider.value)));
  const steps = { first: () => 0, back: () => current - 1, on: () => current + 1, last: () => last };
  for (const [name, step] of Object.entries(steps)) byId(`moment-${name}`).addEventListener("click", () => go(step()));
  byId("moment-open").addEventListener("click", () => openInvocation(invocationAt[current]));
  go(last);
  return go;
}

function describePoint(point) {
  const index = invocationAt[point];
  const invocation = index < 0 ? null : invocations[index];
  const what = events[points.event[point]];
  const whom = invocation && invocation.task ? `: ${what} ${invocation.task}` : `: ${what}`;
  return `Event ${count(point + 1)} of ${count(last + 1)}, ${moment(points.time[point])}${whom}`;
}

function showMain(main) {
  const lines = ["STATUS", "NEXT", "TASK", "FOCUS"].map((key, index) => [key, main ? main[index] : null]);
  byId("main-task").replaceChildren(...lines.map(([key, value]) =>
    el("div", {}, el("dt", {}, key), value === null ? el("dd", { class: "muted" }, "none") : el("dd", {}, foreign(value)))));
}

// How many tasks are in each state; each count is a button that shows just those.
function makeCounts(choose) {
  const chosen = { state: null };
  const chips = STATES.slice(1).map((state, index) => {
    const number = el("span", { class: "number" });
    const chip = button([], () => {
      chosen.state = chosen.state === index + 1 ? null : index + 1;
      chips.forEach((each, other) => each.chip.setAttribute("aria-pressed", String(chosen.state === other + 1)));
      choose(chosen.state);
    }, { class: "chip", "aria-pressed": "false" });
    chip.append(badge(state), number);
    return { chip, number };
  });
  byId("counts").replaceChildren(...chips.map((each) => each.chip));
  return (_, states) => {
    const counts = countStates(states);
    chips.forEach((each, index) => (each.number.textContent = count(counts[index + 1])));
  };
}
