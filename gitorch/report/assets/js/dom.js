// Building the page: every text goes in by textContent, so that none of it can become markup.

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [name, listener] of Object.entries(value)) node.addEventListener(name, listener);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Foreign text stands apart, so that its direction does not turn what is around it.
const foreign = (text, name = "") => el("bdi", { dir: "auto", class: name || null }, text);

function button(label, onclick, attributes = {}) {
  return el("button", { type: "button", ...attributes, on: { click: onclick } }, label);
}

function later(action, delay) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), delay);
  };
}

// At most once in a frame: a slider sends more events than there are pictures.
function oncePerFrame(action) {
  let wanted = null;
  return (value) => {
    if (wanted === null) requestAnimationFrame(() => {
      const last = wanted;
      wanted = null;
      action(last.value);
    });
    wanted = { value };
  };
}
