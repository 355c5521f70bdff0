// The task graph: drawn once, then only its colours, signs and words change.

const GRAPH_MAX = 400; // more tasks than that are shown as a list only
const GRAPH_FIRST = 80; // up to so many, the graph is what one sees first
const GRAPH_PRINTED = 20; // on paper it cannot be scrolled

function makeGraph(onTask) {
  const nodes = [];
  let drawn = null;

  function draw() {
    const plan = layoutGraph();
    const picture = svg("svg", {
      width: plan.width, height: plan.height, viewBox: `0 0 ${plan.width} ${plan.height}`, role: "img",
    });
    picture.append(arrowHead());
    for (const edge of plan.edges) picture.append(drawEdge(edge, plan.at));
    tasks.forEach((_, number) => picture.append((nodes[number] = drawNode(number, plan.at[number], onTask))));
    byId("graph").replaceChildren(picture);
    byId("graph").scrollTop = plan.at[roots[0] ?? 0].y - byId("graph").clientHeight / 2;
    return picture;
  }

  return (states) => {
    drawn ??= draw();
    nodes.forEach((node, number) => {
      const state = STATES[states[number]];
      if (node.dataset.state === state) return;
      node.dataset.state = state;
      node.lastChild.textContent = state === "none" ? "not there" : `${SIGNS[state]} ${state}`;
    });
    drawn.setAttribute("aria-label", describe(states));
  };
}

function describe(states) {
  const counts = countStates(states);
  const parts = STATES.map((state, index) => (index && counts[index] ? `${count(counts[index])} ${state}` : "")).filter(Boolean);
  return `Task graph: ${parts.join(", ") || "no task"}. The list shows the same in words.`;
}

function arrowHead() {
  const path = svg("path", { d: "M0 0L8 4L0 8z", class: "arrow" });
  return svg("defs", {}, svg("marker", {
    id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto",
  }, path));
}

function drawEdge(edge, at) {
  const { width, gapX } = NODE;
  const bend = gapX / 2;
  const way = edge.way.map((number) => at[number]);
  let path = `M${way[0].x + width} ${way[0].middle}`;
  way.slice(1).forEach((spot, index) => {
    const before = way[index];
    path += `C${before.x + width + bend} ${before.middle} ${spot.x - bend} ${spot.middle} ${spot.x} ${spot.middle}`;
    if (index < way.length - 2) path += `H${spot.x + width}`;
  });
  return svg("path", { d: path, class: `edge ${edge.kind}`, "marker-end": edge.kind === "need" ? "url(#arrow)" : null });
}

function drawNode(number, spot, onTask) {
  const { width, height } = NODE;
  const { name } = tasks[number];
  return svg("g", {
    class: "node", transform: `translate(${spot.x} ${spot.y})`, on: { click: () => onTask(name) },
  },
  svg("title", {}, name),
  svg("rect", { width, height, rx: 8 }),
  svg("rect", { width: 4, height: height - 16, x: 6, y: 8, rx: 2, class: "mark" }),
  svg("text", { x: 18, y: 19, class: "name" }, middleCut(withoutParent(number), 22)),
  svg("text", { x: 18, y: 36, class: "state" }));
}

// What a task's name adds to its parent's says most.
function withoutParent(number) {
  const { name, parent } = tasks[number];
  const above = parent === undefined ? "" : `${tasks[parent].name}-`;
  return above && name.startsWith(above) ? `…${name.slice(above.length - 1)}` : name;
}

const middleCut = (text, limit) =>
  text.length <= limit ? text : `${text.slice(0, Math.ceil(limit / 2) - 1)}…${text.slice(-Math.floor(limit / 2))}`;
