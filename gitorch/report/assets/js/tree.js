// The tasks as a list that folds: only what is unfolded stands in the page, so that 10,000 tasks are no burden.

const TREE_PAGE = 100;

function makeTree(onTask) {
  const rows = new Map(); // task number -> the element that tells its state
  const unfolded = new Set(tasks.length <= 200 ? tasks.keys() : roots.length <= 3 ? roots : []);
  let states = new Uint8Array(tasks.length);
  let only = null;

  function show(number) {
    const state = STATES[states[number]];
    const shown = rows.get(number);
    if (!shown || shown.dataset.state === state) return;
    shown.dataset.state = state;
    shown.replaceChildren(state === "none" ? el("span", { class: "badge none" }, "not there") : badge(state));
  }

  function row(number, plain) {
    const task = tasks[number];
    const below = plain ? [] : children[number];
    const place = el("span", { class: "tree-state" });
    const list = el("div", { class: "branch", id: `branch-${number}` });
    const line = el("div", { class: "tree-row" },
      below.length ? fold(number, list) : el("span", { class: "fold-space" }), place,
      el("div", {}, button(foreign(plain ? task.name : withoutParent(number)), () => onTask(task.name), {
        class: "link name", title: task.name, "aria-label": `Show the invocations of ${task.name}`,
      }),
        below.length ? el("span", { class: "muted" }, plural(below.length, "subtask")) : null, needsOf(task)));
    rows.set(number, place);
    show(number);
    if (below.length && unfolded.has(number)) fillList(list, below, plain);
    return el("li", {}, line, below.length ? list : null);
  }

  function fold(number, list) {
    const toggle = button("", () => {
      const open = !unfolded.has(number);
      unfolded[open ? "add" : "delete"](number);
      toggle.setAttribute("aria-expanded", String(open));
      if (open) fillList(list, children[number], false);
      else list.replaceChildren();
    }, {
      class: "fold", "aria-expanded": String(unfolded.has(number)), "aria-controls": `branch-${number}`,
      "aria-label": `Subtasks of ${tasks[number].name}`,
    });
    return toggle;
  }

  function fillList(into, numbers, plain) {
    const list = el("ul");
    let from = 0;
    const more = button("", () => add(), { class: "link more" });
    const add = () => {
      const upTo = Math.min(numbers.length, from + TREE_PAGE);
      for (; from < upTo; from++) list.append(row(numbers[from], plain));
      more.textContent = `Show ${count(Math.min(TREE_PAGE, numbers.length - from))} more of ${count(numbers.length - from)}`;
      more.hidden = from === numbers.length;
    };
    add();
    into.replaceChildren(list, more);
  }

  function draw() {
    rows.clear();
    const inState = only === null ? roots : [...tasks.keys()].filter((number) => states[number] === only);
    if (inState.length) fillList(byId("tree"), inState, only !== null);
    else byId("tree").replaceChildren(el("p", { class: "muted" }, `No task is ${STATES[only] ?? "there"} at this point.`));
  }

  return {
    update(now) {
      states = now;
      if (only !== null || !rows.size) draw();
      else rows.forEach((_, number) => show(number));
    },
    only(state) {
      only = state;
      draw();
    },
  };
}

function needsOf(task) {
  if (!task.needs) return null;
  const names = task.needs.slice(0, 5).map((need) => (tasks[need].parent === task.parent ? withoutParent(need) : tasks[need].name)).join(", ");
  const more = task.needs.length > 5 ? ` and ${count(task.needs.length - 5)} more` : "";
  return el("span", { class: "muted needs" }, `needs ${names}${more}`);
}
