// What invocations sum up to, by agent, action and task.

const SUM_HEADS = ["Invocations", "Completed", "Failed", "Tokens in", "Tokens out", "Time", "Cost"];
const SUM_ROWS = 15;

function showSums() {
  byId("sum-tables").replaceChildren(...["agent", "action", "task"].map((key) => sumTable(key, data.sums[key])));
}

function sumTable(key, rows) {
  const body = el("tbody", {}, rows.slice(0, SUM_ROWS).map(sumRow));
  const table = el("table", { class: "plain" }, el("caption", {}, `By ${key}`),
    el("thead", {}, el("tr", {}, [key[0].toUpperCase() + key.slice(1), ...SUM_HEADS].map((head, index) =>
      el("th", { scope: "col", class: index ? "figure" : null }, head)))), body);
  const left = rows.length - SUM_ROWS;
  const more = left > 0 ? button(`Show ${count(left)} more`, () => {
    body.append(...rows.slice(SUM_ROWS).map(sumRow));
    more.remove();
  }, { class: "link more" }) : null;
  const box = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Sums by ${key}, can be scrolled` }, table);
  return el("div", { class: "sum" }, box, more);
}

function sumRow([key, all, completed, failed, tokensIn, tokensOut, seconds, cost, unpriced]) {
  const known = cost === null ? (unpriced ? "unknown" : "0 USD") : money(cost);
  const full = unpriced && cost !== null ? `${known} and ${count(unpriced)} unknown` : known;
  const cells = [count(all), count(completed), count(failed), count(tokensIn), count(tokensOut), duration(seconds), full];
  return el("tr", {}, el("th", { scope: "row" }, foreign(key)), cells.map((cell) => el("td", { class: "figure" }, cell)));
}
