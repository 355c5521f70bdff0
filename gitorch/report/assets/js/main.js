// Put the parts together.

function makeTasks(timeline) {
  const onTask = (name) => timeline.setTask(name);
  const tree = makeTree(onTask);
  const graph = tasks.length <= GRAPH_MAX ? makeGraph(onTask) : null;
  let states = statesAt(last);
  let only = null;
  let onPaper = false;
  let asGraph = graph !== null && tasks.length <= GRAPH_FIRST && !matchMedia("(max-width: 640px)").matches;

  function show() {
    const graphShown = asGraph && only === null && !(onPaper && tasks.length > GRAPH_PRINTED);
    byId("graph").hidden = !graphShown;
    byId("tree").hidden = graphShown;
    byId("as-graph").setAttribute("aria-pressed", String(graphShown));
    byId("as-list").setAttribute("aria-pressed", String(!graphShown));
    byId("graph-key").textContent = graphShown ? "Thin lines lead from a task to its subtasks, arrows from what is needed to what needs it." : "";
    if (graphShown) graph(states);
    else tree.update(states);
  }

  byId("as-graph").disabled = graph === null;
  byId("as-graph").title = graph === null ? `Drawn for up to ${GRAPH_MAX} tasks` : "";
  byId("as-graph").addEventListener("click", () => choose(true));
  byId("as-list").addEventListener("click", () => choose(false));
  const choose = (wanted) => {
    asGraph = wanted;
    show();
  };
  byId("tasks-title").textContent = `Tasks (${count(tasks.length)})`;
  return {
    update: (_, now) => {
      states = now;
      show();
    },
    paper: (now) => {
      onPaper = now;
      show();
    },
    only: (state) => {
      only = state;
      tree.only(state);
      show();
    },
  };
}

function start() {
  byId("app").hidden = false;
  makeTheme();
  const goTo = { point: () => {} };
  const timeline = makeTimeline(goTo);
  const taskView = makeTasks(timeline);
  const charts = makeCharts();
  const go = makeMoment([makeCounts(taskView.only), taskView.update, charts], timeline.reveal);
  goTo.point = (point) => {
    go(point);
    byId("states").scrollIntoView({ block: "start" });
    byId("moment").focus({ preventScroll: true });
  };
  showSums();
  makePrint(timeline, taskView);
  const named = /^#invocation-(\d+)$/.exec(location.hash);
  if (named && invocations[named[1] - 1]) timeline.reveal(named[1] - 1);
}

start();
