// The sensitivity explorer: click a pixel, and see which input pixels it depends on.

// The colour map magma, of Smith and van der Walt, at 32 places.
const MAGMA = [
  "000004 030312 0a0822 130d34 1e1149 2a115c 38106c 451077 54137d 601880 6d1d81 792282 882781 ",
  "942c80 a1307e ae347b bd3977 ca3e72 d6456c e24d66 ec5860 f3655c f8745c fb835f fd9467 fea36f ",
  "feb27a fec185 fed194 fde0a1 fceeb0 fcfdbf ",
].join("").trim().split(" ");
const DECADES = 2; // of a logarithmic scale
const PALETTE = palette();
const LOGARITHMIC = PALETTE.map((_, step) =>
  PALETTE[Math.round(255 * Math.max(0, 1 + Math.log10(Math.max(step, 1e-9) / 255) / DECADES))]);

/** 256 colours from black to bright, as [red, green, blue]. */
function palette() {
  const stops = MAGMA.map((hex) => [0, 2, 4].map((start) => parseInt(hex.slice(start, start + 2), 16)));
  return Array.from({ length: 256 }, (_, k) => {
    const place = (k / 255) * (stops.length - 1);
    const [below, share] = [Math.min(Math.floor(place), stops.length - 2), place % 1];
    const part = k === 255 ? 1 : share;
    return stops[below].map((value, c) => Math.round(value + (stops[below + 1][c] - value) * part));
  });
}

/** The bytes of a compressed block in base64. */
async function unpacked(text) {
  const letters = atob(text);
  const packed = new Uint8Array(letters.length);
  for (let k = 0; k < letters.length; k++) packed[k] = letters.charCodeAt(k); // Uint8Array.from takes seconds
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function startExplorer(place, panel) {
  const maps = await Promise.all(panel.rows.map((row) => unpacked(row.maps)));
  const middle = [panel.size[0] / 2, panel.size[1] / 2];
  const state = { view: 0, level: 0, pixel: nearest(panel, middle), log: false, quantity: Object.keys(panel.labels)[0] };
  const told = element("div", { className: "soft" });
  const [box, image, marker] = picture(panel);
  const [table, cells] = fieldTable(panel);
  const chart = numbersChart(panel);
  const chosen = element("figure", { className: "chart" });
  const show = () => {
    const [row, col] = panel.pixels[state.pixel];
    image.src = `data:image/png;base64,${panel.views[state.view].pictures[state.level]}`;
    lay(marker, panel, row, col);
    told.textContent = `Output pixel: row ${row}, column ${col}.`;
    panel.rows.forEach((one, r) => cells[r].forEach((cell, s) => showField(cell, panel, maps[r], one, s, state)));
    if (chosen.plot) update(chosen, chart, panel, state);
  };
  const choose = (setting) => (value) => { state[setting] = setting === "quantity" ? value : Number(value); show(); };
  const levels = [[0, "clean"], ...panel.sigmas.map((sigma, s) => [s + 1, `noised, sigma ${digits(sigma)}`])];
  const controls = element("div", { className: "controls" },
    menu("Field", panel.views.map((view, v) => [v, view.label]), 0, choose("view")),
    menu("Picture", levels, 0, choose("level")),
    menu("Colours", [[0, "linear"], [1, "logarithmic, two decades"]], 0, choose("log")),
    menu("Curve", Object.entries(panel.labels), state.quantity, choose("quantity")), ramp());
  place.append(controls, element("div", { className: "explorer" }, element("div", {}, box, told),
    element("div", { className: "scroll" }, table)), chosen);
  startChart(chosen, chart);
  listenTo(box, panel, state, show);
  const switched = () => table.rowsOf.forEach((line, r) => { line.hidden = hidden.has(panel.rows[r].name); });
  listeners.push(switched);
  switched();
  show();
}

/** The picture that is clicked, with the pixels of a hidden pattern outlined. */
function picture(panel) {
  const image = element("img", { alt: "the image: click a pixel", draggable: false });
  const marker = element("div", { className: "pixel" });
  const box = element("div", { className: "picture", tabIndex: 0 }, image);
  box.setAttribute("aria-label", "Click a pixel, or move with the arrow keys.");
  for (const [row, col] of panel.pattern) {
    const mark = element("div", { className: "pixel pattern" });
    lay(mark, panel, row, col);
    box.append(mark);
  }
  box.append(marker);
  return [box, image, marker];
}

function lay(mark, panel, row, col) {
  const [height, width] = panel.size;
  Object.assign(mark.style, { left: `${(100 * col) / width}%`, top: `${(100 * row) / height}%`,
    width: `${100 / width}%`, height: `${100 / height}%` });
}

/** The probed pixel that is nearest to a place. */
function nearest(panel, [row, col]) {
  const far = panel.pixels.map(([r, c]) => (r - row) ** 2 + (c - col) ** 2);
  return far.indexOf(Math.min(...far));
}

function listenTo(box, panel, state, show) {
  const [height, width] = panel.size;
  box.addEventListener("click", (event) => {
    const area = box.getBoundingClientRect();
    const row = ((event.clientY - area.top) / area.height) * height - 0.5;
    const col = ((event.clientX - area.left) / area.width) * width - 0.5;
    state.pixel = nearest(panel, [row, col]);
    show();
  });
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  box.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const [row, col] = panel.pixels[state.pixel];
    state.pixel = nearest(panel, [row + step[0] * panel.stride, col + step[1] * panel.stride]);
    show();
  });
}

/** A row for each denoiser, a column for each noise level. */
function fieldTable(panel) {
  const scale = Math.max(1, Math.round(96 / panel.width));
  const head = element("tr", {}, element("th", {}), ...panel.sigmas.map((sigma) =>
    element("th", { scope: "col", textContent: `sigma ${digits(sigma, 3)}` })));
  const cells = panel.rows.map((row) => panel.sigmas.map((_, s) => {
    const canvas = element("canvas", { width: panel.width * scale, height: panel.height * scale });
    const value = element("span", { className: "value" });
    const note = element("span", { className: "value", textContent: (row.notes || [])[s] || "" });
    const cell = element("td", {}, canvas, value, ...(row.notes.length ? [note] : []));
    if (row.marked[s]) cell.classList.add("marked");
    return { cell, canvas, value };
  }));
  const lines = panel.rows.map((row, r) => element("tr", {},
    element("th", { scope: "row", textContent: look(row.name).label }), ...cells[r].map((one) => one.cell)));
  const table = element("table", { className: "fields" }, element("thead", {}, head), element("tbody", {}, ...lines));
  table.rowsOf = lines;
  return [table, cells];
}

/** One field: its colours, the probed pixel, the pattern, and its numbers below. */
function showField({ canvas, value }, panel, maps, row, s, state) {
  const { height, width } = panel;
  const place = (state.view * panel.sigmas.length + s) * panel.pixels.length + state.pixel;
  const steps = maps.subarray(place * height * width, (place + 1) * height * width);
  const pixels = new ImageData(width, height);
  const colours = state.log ? LOGARITHMIC : PALETTE;
  for (let k = 0; k < steps.length; k++) {
    const [red, green, blue] = colours[steps[k]];
    pixels.data[4 * k] = red;
    pixels.data[4 * k + 1] = green;
    pixels.data[4 * k + 2] = blue;
    pixels.data[4 * k + 3] = 255;
  }
  const small = new OffscreenCanvas(width, height);
  small.getContext("2d").putImageData(pixels, 0, 0);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, canvas.width, canvas.height);
  const [across, down] = [canvas.width / panel.size[1], canvas.height / panel.size[0]];
  const outline = ([r, c], stroke) => {
    pen.strokeStyle = stroke;
    pen.strokeRect(c * across + 0.5, r * down + 0.5, across - 1, down - 1);
  };
  panel.pattern.forEach((pixel) => outline(pixel, "#ff9b4a88"));
  outline(panel.pixels[state.pixel], "#39d5ff");
  const [radius, cosine] = ["radius", "cosine"].map((key) => (row.numbers[key] || [])[place]);
  value.textContent = `r ${digits(radius, 3)}${row.name === panel.reference ? "" : ` · cos ${digits(cosine, 2)}`}`;
  canvas.title = `maximum ${digits(row.top[place])}; ${Object.keys(row.numbers)
    .map((key) => `${panel.labels[key]}: ${digits(row.numbers[key][place])}`).join("; ")}`;
}

/** A number of the chosen pixel against the noise level, a curve for each denoiser. */
function numbersChart(panel) {
  const nothing = panel.sigmas.map(() => null);
  return { x: panel.sigmas, x_label: "noise level sigma (pixel units)", y_label: "", log_x: true, log_y: false,
    y_range: [0, null], series: panel.rows.map((row) => ({ name: row.name, look: row.name, label: look(row.name).label,
      mean: nothing, low: null, high: null, beside: null })) };
}

function update(place, chart, panel, state) {
  const numbers = (row) => panel.sigmas.map((_, s) =>
    row.numbers[state.quantity][(state.view * panel.sigmas.length + s) * panel.pixels.length + state.pixel]);
  chart.series.forEach((one, r) => { one.mean = numbers(panel.rows[r]); });
  place.relabel(panel.labels[state.quantity]);
  place.plot.setData(laidOut(chart)[0]);
}

/** The colours, from 0 to the maximum of each map. */
function ramp() {
  const canvas = element("canvas", { className: "ramp", width: 256, height: 1 });
  const pixels = new ImageData(256, 1);
  PALETTE.forEach((one, k) => pixels.data.set([...one, 255], 4 * k));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return element("span", {}, "0 ", canvas, " maximum of each map");
}
