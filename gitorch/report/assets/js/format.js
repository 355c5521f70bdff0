// Numbers and times as people read them, and the sign of each state: colour never stands alone.

const SIGNS = { none: "·", pending: "○", running: "◐", completed: "✓", failed: "✕", blocked: "■" };
const BAD = new Set(["failed", "rejected", "timeout", "stalled"]);
const numbers = new Intl.NumberFormat("en-US");

const count = (number) => numbers.format(number);
const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;
const two = (number) => String(number).padStart(2, "0");

function moment(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
}

function duration(seconds) {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(Math.floor(seconds % 60))} s`;
  return `${count(Math.floor(minutes / 60))} h ${two(minutes % 60)} min`;
}

function money(amount) {
  if (amount === 0) return "0 USD";
  const places = amount >= 1 ? 2 : amount >= 0.0001 ? 4 : 6;
  return `${amount.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places })} USD`;
}

function outcomeOf(invocation) {
  if (invocation.outcome) return invocation.outcome;
  return invocation.ended === undefined ? "open" : "";
}

function outcomeState(outcome) {
  if (outcome === "completed") return "completed";
  if (outcome === "open") return "running";
  return BAD.has(outcome) ? "failed" : "blocked";
}

const agentOf = (invocation) =>
  invocation.agent || { step: "unknown", template: "template", hand: "by hand" }[invocation.by];

const badge = (state, word = state) =>
  el("span", { class: `badge ${state}` }, el("span", { "aria-hidden": "true" }, SIGNS[state]), ` ${word}`);
