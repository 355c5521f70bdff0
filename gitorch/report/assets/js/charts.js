// Two lines over the run: what it has cost and how long agents have worked. Unknown costs are marked, not guessed.

const CHART = { height: 210, left: 64, right: 14, top: 14, bottom: 44 };

function makeCharts() {
  const charts = [
    makeChart("Cost", running.cost, money, running.unpriced),
    makeChart("Agents’ time", running.seconds, duration),
  ];
  byId("charts").replaceChildren(...charts.map((chart) => chart.element));
  const draw = () => charts.forEach((chart) => chart.draw());
  new ResizeObserver(later(draw, 60)).observe(byId("charts"));
  draw();
  return (point) => charts.forEach((chart) => chart.moveTo(endedAt(point)));
}

function makeChart(title, values, format, unpriced = null) {
  const place = el("div", { class: "plot" });
  const now = el("p", { class: "chart-now" });
  const total = values.length - 1;
  const unknown = unpriced ? unpriced[total] : 0;
  const words = ` ${plural(unknown, "invocation")} of unknown cost, not in the line`;
  const note = unknown ? el("p", { class: "muted small" }, unknownMark(), words) : null;
  const element = el("figure", { class: "card chart" }, el("figcaption", {}, el("h3", {}, title), now), place, note);
  let at = total;
  let scale = null;

  function draw() {
    scale = makeScale(place.clientWidth || 500, total, values[total], format === duration ? unitOf(values[total]) : 1);
    const label = `${title} after each of ${plural(total, "invocation")}; in the end ${format(values[total])}` +
      (unknown ? `, and ${unknown} of unknown cost` : "");
    place.replaceChildren(svg("svg", { width: scale.width, height: CHART.height, role: "img", "aria-label": label },
      axes(scale, total, format), svg("path", { d: line(values, scale), class: "line" }),
      unknown ? unknownTicks(unpriced, scale) : "", svg("line", { class: "cursor", y1: CHART.top, y2: CHART.height - CHART.bottom }),
      svg("circle", { class: "cursor-dot", r: 4 })));
    moveTo(at);
  }

  function moveTo(index) {
    at = index;
    const missing = unknown && unpriced[at] ? ` and ${count(unpriced[at])} unknown` : "";
    now.textContent = `${format(values[at])}${missing} after ${plural(at, "invocation")}`;
    if (scale === null) return;
    const cursor = place.querySelector(".cursor");
    cursor.setAttribute("x1", scale.x(at));
    cursor.setAttribute("x2", scale.x(at));
    const dot = place.querySelector(".cursor-dot");
    dot.setAttribute("cx", scale.x(at));
    dot.setAttribute("cy", scale.y(values[at]));
  }
  return { element, draw, moveTo };
}

function makeScale(width, total, highest, unit) {
  const step = niceStep((highest || unit) / unit) * unit;
  const top = Math.max(step, Math.ceil((highest || 1) / step) * step);
  const room = width - CHART.left - CHART.right;
  const high = CHART.height - CHART.top - CHART.bottom;
  return {
    width, room, top, step, unit,
    x: (index) => CHART.left + (total ? (index / total) * room : 0),
    y: (value) => CHART.top + high - (value / top) * high,
  };
}

function niceStep(highest) {
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

function axes(scale, total, format) {
  const parts = [];
  const bottom = CHART.height - CHART.bottom;
  for (let value = 0; value <= scale.top * 1.0001; value += scale.step) {
    const y = scale.y(value);
    parts.push(svg("line", { class: "grid", x1: CHART.left, x2: scale.width - CHART.right, y1: y, y2: y }));
    parts.push(svg("text", { class: "tick", x: CHART.left - 8, y: y + 4, "text-anchor": "end" }, shortly(value, scale.unit, format)));
  }
  const step = Math.max(1, Math.ceil(niceStep(Math.max(1, total))));
  for (let index = 0; index <= total; index += step)
    parts.push(svg("text", { class: "tick", x: scale.x(index), y: bottom + 18, "text-anchor": "middle" }, count(index)));
  parts.push(svg("text", { class: "tick", x: scale.width - CHART.right, y: bottom + 36, "text-anchor": "end" }, "invocations"));
  return svg("g", { "aria-hidden": "true" }, parts);
}

function shortly(value, unit, format) {
  const number = Number((value / unit).toPrecision(4)).toLocaleString("en-US");
  return format === duration && value ? `${number} ${UNITS[unit]}` : number;
}

const UNITS = { 1: "s", 60: "min", 3600: "h" };
const unitOf = (seconds) => (seconds < 120 ? 1 : seconds < 7200 ? 60 : 3600);

// One step for each column of the picture is enough, however many invocations there are.
function line(values, scale) {
  const every = Math.max(1, Math.floor(values.length / scale.room / 2));
  const parts = [];
  values.forEach((value, index) => {
    if (index % every && index !== values.length - 1) return;
    const x = scale.x(index).toFixed(1);
    const y = scale.y(value).toFixed(1);
    parts.push(parts.length ? `H${x}V${y}` : `M${x} ${y}`);
  });
  return parts.join("");
}

function unknownTicks(unpriced, scale) {
  const columns = new Set();
  for (let index = 1; index < unpriced.length; index++)
    if (unpriced[index] > unpriced[index - 1]) columns.add(Math.round(scale.x(index) / 9) * 9);
  const y = CHART.height - CHART.bottom;
  const paths = [...columns].map((x) => `M${x - 3.5} ${y + 3}h7l-3.5 -7z`);
  return svg("path", { d: paths.join(""), class: "unknown" });
}

const unknownMark = () =>
  svg("svg", { width: 10, height: 10, "aria-hidden": "true" }, svg("path", { d: "M1 9h8l-4 -8z", class: "unknown" }));
