// What all parts of the page share: data, elements, colours, and which denoisers are shown.

const DASHES = { "-": [], "--": [7, 4], ":": [2, 3], "-.": [7, 3, 2, 3] };

/** The content of a JSON block of the page. */
function content(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/** An element with attributes, texts and children. Text goes in as text: nothing in it is markup. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** A menu with a label before it. */
function menu(label, choices, chosen, changed) {
  const options = choices.map(([value, text]) => element("option", { value, textContent: text }));
  const select = element("select", { onchange: () => changed(select.value) }, ...options);
  select.value = chosen;
  return element("label", {}, label, select);
}

/** A number as people read it: four significant digits, or as many as are asked for. */
function digits(value, count = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "-";
  return String(Number(value.toPrecision(count)));
}

/** The colour that a name of the style sheet has now, light or dark. */
function colour(name) {
  const probe = element("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function dark() {
  const chosen = document.documentElement.style.colorScheme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** A colour of a series: dark ones are made lighter on dark paper. */
function seen(hex) {
  const parts = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  const light = (0.3 * parts[0] + 0.59 * parts[1] + 0.11 * parts[2]) / 255;
  if (!dark() || light > 0.45) return hex;
  const towards = Math.min(0.85, 1 - light * 1.4);
  return `rgb(${parts.map((part) => Math.round(part + (255 - part) * towards)).join(", ")})`;
}

/** How series are drawn, which are shown, and who wants to know when that changes. */
const looks = {};
const hidden = new Set();
const listeners = [];

function look(name) {
  return looks[name] || { label: name, colour: "#888888", line: "-" };
}

function swatch(name) {
  const made = element("span", { className: "swatch" });
  const paint = () => {
    made.style.borderTopColor = seen(look(name).colour);
    made.style.borderTopStyle = { "-": "solid", ":": "dotted" }[look(name).line] || "dashed";
  };
  paint();
  listeners.push(paint);
  return made;
}

function changed() {
  for (const listener of listeners) listener();
}

/** The switches of the denoisers, in the bar. */
function startSwitches(names) {
  const box = document.getElementById("switches");
  if (!names.length) return box.remove();
  const summary = box.querySelector("summary");
  const chips = element("div", { className: "chips" });
  const boxes = names.map((name) => element("input", { type: "checkbox", checked: true, value: name,
    onchange: (event) => {
      if (event.target.checked) hidden.delete(name);
      else hidden.add(name);
      changed();
    } }));
  const all = (on) => () => {
    hidden.clear();
    if (!on) names.forEach((name) => hidden.add(name));
    changed();
  };
  boxes.forEach((input, k) => chips.append(element("label", {}, input, swatch(names[k]), look(names[k]).label)));
  chips.append(element("button", { type: "button", textContent: "all", onclick: all(true) }),
    element("button", { type: "button", textContent: "none", onclick: all(false) }));
  box.append(chips);
  const tell = () => {
    boxes.forEach((input) => { input.checked = !hidden.has(input.value); });
    summary.textContent = `Shown: ${names.length - hidden.size} of ${names.length}`;
  };
  tell();
  listeners.push(tell);
}

/** Light, dark, or as the system has it. */
function startTheme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const tell = () => { button.textContent = dark() ? "Light" : "Dark"; };
  button.addEventListener("click", () => {
    root.style.colorScheme = dark() ? "light" : "dark";
    tell();
    changed();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { tell(); changed(); });
  tell();
}
