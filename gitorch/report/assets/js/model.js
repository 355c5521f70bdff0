// What the page knows. States at a point come from the nearest checkpoint before it, not from the beginning.

const data = JSON.parse(byId("data").textContent);
const { tasks, invocations, commits, mains, points, events } = data;
const STATES = data.states;
const last = points.event.length - 1;
const EVERY = Math.max(50, Math.ceil(points.event.length / 200));

invocations.forEach((each, index) => {
  each.number = index + 1;
  each.points ??= [];
  each.files ??= [];
  each.taskNumber = each.task;
  each.task = tasks[each.task]?.name;
  [, each.next, , each.focus] = mains[each.before] ?? [];
});

const invocationAt = new Int32Array(last + 1).fill(-1);
invocations.forEach((each, index) => each.points.forEach((point) => (invocationAt[point] = index)));

const movesOf = (list) => {
  const moves = [];
  for (let i = 0; i < list.length; i += 2)
    moves.push({ task: list[i], before: Math.floor(list[i + 1] / STATES.length), after: list[i + 1] % STATES.length });
  return moves;
};

function applyPoint(states, point) {
  for (const list of [points.jumps[point], points.moves[point]])
    for (let i = 0; list && i < list.length; i += 2) states[list[i]] = list[i + 1] % STATES.length;
}

const checkpoints = [];
{
  const states = new Uint8Array(tasks.length);
  for (let point = 0; point <= last; point++) {
    applyPoint(states, point);
    if (point % EVERY === 0) checkpoints.push(states.slice());
  }
}

function statesAt(point) {
  const nearest = Math.floor(point / EVERY);
  const states = checkpoints[nearest].slice();
  for (let next = nearest * EVERY + 1; next <= point; next++) applyPoint(states, next);
  return states;
}

function countStates(states) {
  const counts = new Array(STATES.length).fill(0);
  for (const state of states) counts[state]++;
  return counts;
}

const children = tasks.map(() => []);
const roots = [];
tasks.forEach((task, number) => (task.parent === undefined ? roots : children[task.parent]).push(number));
keepReachable();

// A hand edit can make a circle of parents: its tasks stand at the root then, so that all are seen.
function keepReachable() {
  const seen = new Uint8Array(tasks.length);
  const visit = (from) => {
    const stack = [from];
    while (stack.length) {
      const number = stack.pop();
      if (seen[number]) continue;
      seen[number] = 1;
      stack.push(...children[number]);
    }
  };
  roots.forEach(visit);
  tasks.forEach((task, number) => {
    if (seen[number]) return;
    children[task.parent].splice(children[task.parent].indexOf(number), 1);
    delete task.parent;
    roots.push(number);
    visit(number);
  });
}

// Sums after each invocation, in the order in which they ended.
const ended = invocations
  .filter((each) => each.ended !== undefined && each.points.length)
  .sort((a, b) => a.points[a.points.length - 1] - b.points[b.points.length - 1]);
const running = { point: [0], cost: [0], seconds: [0], unpriced: [0] };
for (const each of ended) {
  const at = running.cost.length - 1;
  running.point.push(each.points[each.points.length - 1]);
  running.cost.push(running.cost[at] + (each.cost ?? 0));
  running.seconds.push(running.seconds[at] + (each.seconds ?? 0));
  running.unpriced.push(running.unpriced[at] + (each.unpriced ? 1 : 0));
}

// How many invocations had ended at a point.
function endedAt(point) {
  let low = 0;
  let high = running.point.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (running.point[middle] <= point) low = middle;
    else high = middle - 1;
  }
  return low;
}

let parsedDiffs = null;
function diffOf(invocation) {
  parsedDiffs ??= JSON.parse(byId("diffs").textContent);
  return parsedDiffs[invocation.number] ?? null;
}

const base = byId("data").dataset.link;

function commitLink(number) {
  const [id, subject] = commits[number];
  const code = el("code", {}, id.slice(0, 12));
  const shown = base ? el("a", { href: base + id, rel: "noopener noreferrer" }, code) : code;
  return subject ? el("span", {}, shown, " ", foreign(subject)) : shown;
}
