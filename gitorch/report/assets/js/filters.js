// Which invocations the list shows.

const FILTERS = [
  { key: "action", label: "Action", of: (each) => each.action },
  { key: "outcome", label: "Outcome", of: outcomeOf },
  { key: "agent", label: "Agent", of: agentOf },
];

function makeFilters(changed) {
  const search = input("search", "Search all texts", "Words in NEXT, summary, files…");
  const task = input("task", "Task", "Part of a name");
  let exact = false; // whether the field holds a whole name that was chosen elsewhere
  task.field.addEventListener("input", () => (exact = false));
  const isTask = (name, wanted) => (exact ? name === wanted : name.includes(wanted));
  const choices = FILTERS.map(makeChoice);
  const clear = button("Clear", () => {
    byId("filters").reset();
    changed();
  }, { class: "small-button" });
  byId("filters").replaceChildren(search.box, task.box, ...choices.map((each) => each.box), clear);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("input", later(changed, 120));

  return {
    found() {
      const wanted = search.field.value.toLowerCase().split(/\s+/).filter(Boolean);
      const name = task.field.value.trim().toLowerCase();
      const chosen = choices.filter((each) => each.field.value !== "");
      return invocations.filter((each) =>
        chosen.every((choice) => choice.of(each) === choice.field.value) &&
        (!name || isTask(each.task ?? "", name)) &&
        (!wanted.length || wanted.every((word) => textOf(each).includes(word))));
    },
    setTask(name) {
      byId("filters").reset();
      task.field.value = name;
      exact = true;
      changed();
    },
  };
}

function input(name, label, placeholder) {
  const field = el("input", { type: "search", id: `filter-${name}`, placeholder, autocomplete: "off", spellcheck: "false", dir: "auto" });
  return { field, box: el("div", { class: `field ${name}` }, el("label", { for: `filter-${name}` }, label), field) };
}

function makeChoice({ key, label, of }) {
  const values = [...new Set(invocations.map(of))].filter(Boolean).sort();
  const options = values.map((value) => el("option", { value }, middleCut(value, 40)));
  const field = el("select", { id: `filter-${key}` }, el("option", { value: "" }, "all"), options);
  return { field, of, box: el("div", { class: "field" }, el("label", { for: `filter-${key}` }, label), field) };
}

const texts = new Map();

function textOf(invocation) {
  if (!texts.has(invocation)) {
    const { task, next, focus, summary, reason, question, model, id, checks } = invocation;
    const ids = invocation.commits.flatMap((number) => commits[number]);
    const all = [task, next, focus, summary, reason, question, agentOf(invocation), model, id, checks, ...invocation.files, ...ids];
    texts.set(invocation, all.filter(Boolean).join("\n").toLowerCase());
  }
  return texts.get(invocation);
}
