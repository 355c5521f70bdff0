// On paper there are no pages to turn: the found invocations stand there all, up to a limit.

const PRINTED = 1000;

function makePrint(timeline, taskView) {
  addEventListener("beforeprint", () => {
    timeline.all(PRINTED);
    taskView.paper(true);
    const left = timeline.length() - PRINTED;
    byId("print-note").textContent = left > 0 ? `${plural(left, "more invocation")} not printed; filter the list to print others.` : "";
  });
  addEventListener("afterprint", () => {
    timeline.paged();
    taskView.paper(false);
  });
}
