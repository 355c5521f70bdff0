// The list of invocations: one page of it at a time, each row opening in place.

const PAGE = 50;

function makeTimeline(goTo) {
  const open = new Set();
  let found = invocations;
  let page = 0;
  const filters = makeFilters(() => {
    found = filters.found();
    page = 0;
    draw();
  });
  const pages = () => Math.max(1, Math.ceil(found.length / PAGE));

  function draw(from = page * PAGE, upTo = (page + 1) * PAGE) {
    byId("rows").replaceChildren(...found.slice(from, upTo).flatMap(rowsOf));
    byId("found").textContent = foundText(found.length, from, Math.min(upTo, found.length));
    drawPager();
  }

  function rowsOf(invocation) {
    const opener = button(foreign(invocation.task ?? "no task"), () => toggle(invocation, row, opener), {
      class: "opener", "aria-expanded": "false", "aria-label": openerLabel(invocation),
    });
    const row = invocationRow(invocation, opener);
    row.addEventListener("click", (event) => {
      if (!event.target.closest("button, a")) toggle(invocation, row, opener);
    });
    if (!open.has(invocation)) return [row];
    opener.setAttribute("aria-expanded", "true");
    return [row, detailRow(invocation)];
  }

  function detailRow(invocation) {
    const cell = el("td", { role: "cell", colspan: "8" }, showDetail(invocation, goTo.point));
    return el("tr", { role: "row", class: "detail-row" }, cell);
  }

  function toggle(invocation, row, opener) {
    const opened = !open.has(invocation);
    open[opened ? "add" : "delete"](invocation);
    opener.setAttribute("aria-expanded", String(opened));
    if (opened) row.after(detailRow(invocation));
    else row.nextElementSibling.remove();
    remember(opened ? invocation : null);
  }

  function turn(to) {
    page = Math.max(0, Math.min(pages() - 1, to));
    draw();
  }

  function drawPager() {
    const pager = byId("pager");
    pager.hidden = pages() === 1;
    const field = el("input", { type: "number", min: "1", max: String(pages()), value: String(page + 1), id: "page-number", inputmode: "numeric" });
    field.addEventListener("change", () => turn((Number(field.value) || 1) - 1));
    pager.replaceChildren(
      button("← Previous", () => turn(page - 1), { class: "small-button", disabled: page === 0, id: "page-back" }),
      el("span", {}, el("label", { for: "page-number" }, "Page "), field, ` of ${count(pages())}`),
      button("Next →", () => turn(page + 1), { class: "small-button", disabled: page === pages() - 1, id: "page-on" }));
  }

  function reveal(index) {
    const invocation = invocations[index];
    if (!found.includes(invocation)) {
      byId("filters").reset();
      found = invocations;
    }
    open.add(invocation);
    turn(Math.floor(found.indexOf(invocation) / PAGE));
    remember(invocation);
    const opener = byId(`row-${invocation.number}`).querySelector(".opener");
    opener.focus({ preventScroll: true });
    byId(`row-${invocation.number}`).scrollIntoView({ block: "start" });
  }

  byId("rows").addEventListener("keydown", (event) => {
    if (!event.target.matches(".opener")) return;
    const openers = [...byId("rows").querySelectorAll(".opener")];
    const at = openers.indexOf(event.target);
    const turnTo = (to) => {
      const before = page;
      turn(to);
      if (page !== before) byId("rows").querySelector(".opener").focus();
    };
    const ways = {
      ArrowDown: () => openers[at + 1]?.focus(),
      ArrowUp: () => openers[at - 1]?.focus(),
      Home: () => openers[0].focus(),
      End: () => openers[openers.length - 1].focus(),
      ArrowRight: () => turnTo(page + 1),
      ArrowLeft: () => turnTo(page - 1),
    };
    if (!ways[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    ways[event.key]();
  });

  draw();
  return {
    reveal,
    setTask: (name) => {
      filters.setTask(name);
      byId("invocations").scrollIntoView({ block: "start" });
      byId("filter-task").focus({ preventScroll: true });
    },
    all: (limit) => draw(0, limit),
    paged: () => draw(),
    length: () => found.length,
  };
}

function foundText(all, from, upTo) {
  if (!all) return "No invocation is like that.";
  const which = all === invocations.length ? "" : ` found among ${count(invocations.length)}`;
  const part = upTo - from < all ? `, ${count(from + 1)} to ${count(upTo)} shown` : "";
  return `${plural(all, "invocation")}${which}${part}`;
}

function openerLabel(invocation) {
  return `Invocation ${invocation.number}: ${invocation.action} ${invocation.task ?? "no task"}, ${outcomeOf(invocation) || "done"}`;
}

function invocationRow(invocation, opener) {
  const outcome = outcomeOf(invocation);
  const again = invocation.attempt > 1 ? el("span", { class: "muted" }, ` attempt ${invocation.attempt}`) : null;
  const cells = [
    ["number", count(invocation.number)],
    ["task", opener, invocation.next ? el("span", { class: "line-next", dir: "auto" }, invocation.next) : null, inShort(invocation)],
    ["action", invocation.action],
    ["outcome", outcome ? badge(outcomeState(outcome), outcome) : "", again],
    ["agent", foreign(agentOf(invocation))],
    ["began", moment(invocation.began)],
    ["figure time", invocation.seconds !== undefined ? duration(invocation.seconds) : ""],
    ["figure cost", costOf(invocation) ?? ""],
  ];
  return el("tr", { role: "row", id: `row-${invocation.number}`, class: "row" },
    cells.map(([name, ...parts]) => el("td", { role: "cell", class: name }, ...parts)));
}

// On paper, where nothing opens, the reason or the summary's beginning stands in the row.
function inShort(invocation) {
  const text = invocation.reason ?? invocation.question ?? (invocation.summary ?? "").split("\n")[0];
  return text ? el("span", { class: "print-only", dir: "auto" }, text.slice(0, 200)) : null;
}

// The address names what is open, so that it can be passed on.
function remember(invocation) {
  try {
    history.replaceState(null, "", invocation ? `#invocation-${invocation.number}` : "#invocations");
  } catch {
    // some viewers of local files forbid it
  }
}
