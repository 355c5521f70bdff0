// A small layered layout: each task stands to the right of its parent and of what it needs. A line that crosses
// layers has a place of its own in each of them, so that it passes beside the tasks and not behind them.

const NODE = { width: 178, height: 46, gapX: 40, gapY: 12, margin: 8, lane: 10 };

function layoutGraph() {
  const edges = [];
  tasks.forEach((task, number) => {
    if (task.parent !== undefined) edges.push({ from: task.parent, to: number, kind: "parent" });
    for (const need of task.needs ?? []) edges.push({ from: need, to: number, kind: "need" });
  });
  const layer = layersOf(edges);
  const near = layer.map(() => []);
  const lanes = new Map();
  for (const edge of edges) edge.way = wayOf(edge, layer, near, lanes);
  return place(sortLayers(layer, near), edges);
}

// Longest ways from the roots; an edge that would close a circle is left out of account.
function layersOf(edges) {
  const incoming = tasks.map(() => []);
  for (const edge of edges) incoming[edge.to].push(edge.from);
  const layer = new Array(tasks.length).fill(-1);
  const open = new Set();
  const depth = (number) => {
    if (layer[number] >= 0) return layer[number];
    if (open.has(number)) return -1;
    open.add(number);
    const found = Math.max(0, ...incoming[number].map((from) => depth(from) + 1));
    open.delete(number);
    return (layer[number] = found);
  };
  tasks.forEach((_, number) => depth(number));
  return layer;
}

// The places that a line passes, its ends included; lines of one kind from one task share theirs.
function wayOf(edge, layer, near, lanes) {
  const way = [edge.from];
  for (let depth = layer[edge.from] + 1; depth < layer[edge.to]; depth++) {
    const key = `${edge.from} ${edge.kind} ${depth}`;
    if (!lanes.has(key)) {
      lanes.set(key, layer.length);
      layer.push(depth);
      near.push([]);
    }
    way.push(lanes.get(key));
  }
  way.push(edge.to);
  for (let step = 1; step < way.length; step++) {
    near[way[step - 1]].push(way[step]);
    near[way[step]].push(way[step - 1]);
  }
  return way;
}

// Each place as near as can be to the middle of those it is joined to.
function sortLayers(layer, near) {
  const rows = Array.from({ length: Math.max(...layer) + 1 }, () => []);
  layer.forEach((depth, number) => rows[depth].push(number));
  const spot = new Array(layer.length);
  const settle = (row) => row.forEach((number, index) => (spot[number] = index / row.length));
  rows.forEach(settle);
  for (let sweep = 0; sweep < 8; sweep++) {
    const forward = sweep % 2 === 0;
    for (const row of forward ? rows : [...rows].reverse()) {
      const weight = new Map(row.map((number) => [number, weigh(number, near[number], layer, spot, forward)]));
      row.sort((a, b) => weight.get(a) - weight.get(b) || a - b);
      settle(row);
    }
  }
  return rows;
}

function weigh(number, near, layer, spot, forward) {
  const there = near.filter((other) => (forward ? layer[other] < layer[number] : layer[other] > layer[number]));
  return there.length ? there.reduce((sum, other) => sum + spot[other], 0) / there.length : spot[number];
}

function place(rows, edges) {
  const { width, gapX, gapY, margin } = NODE;
  const high = (number) => (number < tasks.length ? NODE.height : NODE.lane);
  const heights = rows.map((row) => row.reduce((sum, number) => sum + high(number) + gapY, -gapY));
  const tallest = Math.max(...heights);
  const at = [];
  rows.forEach((row, depth) => {
    let y = margin + (tallest - heights[depth]) / 2;
    for (const number of row) {
      at[number] = { x: margin + depth * (width + gapX), y, middle: y + high(number) / 2 };
      y += high(number) + gapY;
    }
  });
  return { at, edges, width: 2 * margin + rows.length * (width + gapX) - gapX, height: 2 * margin + tallest };
}
