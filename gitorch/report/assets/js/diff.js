// What an invocation changed, file by file.

function showDiff(invocation) {
  if (!invocation.files.length) return null;
  const diff = diffOf(invocation);
  const parts = [el("h3", {}, "Diff")];
  if (diff === null) parts.push(el("p", { class: "muted" }, leftOut(invocation)));
  else {
    const lines = diff.files.reduce((sum, file) => sum + (file.text ?? "").split("\n").length, 0);
    parts.push(...diff.files.map((file) => fileDiff(file, lines <= 300)));
    if (diff.more) parts.push(el("p", { class: "muted" }, `${plural(diff.more, "more file")} changed, left out here.`));
  }
  return el("div", { class: "diffs" }, ...parts);
}

const leftOut = (invocation) => {
  const [id] = commits[invocation.commits[invocation.commits.length - 1]];
  return `Left out to keep this page small; git show ${id.slice(0, 12)} has it.`;
};

function fileDiff(file, open) {
  const signs = file.binary ? "binary" : `+${count(file.added ?? 0)} −${count(file.removed ?? 0)}`;
  const head = el("summary", {}, foreign(file.path, "path"), el("span", { class: "muted" }, [file.kind, signs].filter(Boolean).join(", ")));
  const box = el("details", { class: "file" }, head);
  const unfold = () => {
    if (box.open && box.childElementCount === 1) box.append(diffBody(file));
  };
  box.addEventListener("toggle", unfold);
  box.open = open;
  unfold();
  return box;
}

function diffBody(file) {
  const parts = [];
  if (file.binary) parts.push(el("p", { class: "muted" }, "A binary or very large file: its content is not shown."));
  if (file.text) parts.push(el("pre", { tabindex: "0", "aria-label": `Diff of ${file.path}` }, file.text.split("\n").map(diffLine)));
  if (file.cut) parts.push(el("p", { class: "muted" }, `Cut here; git show ${commits[file.commit][0].slice(0, 12)} has the whole.`));
  if (!parts.length) parts.push(el("p", { class: "muted" }, "No line of text changed."));
  return el("div", {}, parts);
}

function diffLine(line) {
  const kind = { "+": "added", "-": "removed", "@": "place" }[line[0]];
  return el("span", { class: kind ? `line ${kind}` : "line", dir: "auto" }, `${line}\n`);
}
