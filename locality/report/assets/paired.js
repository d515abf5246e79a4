// Differences between two denoisers on the same images and noise, with a bootstrap interval over images.

const DRAWS = 2000;

function startPaired(place, panel) {
  const quantities = Object.entries(panel.labels);
  const state = { quantity: quantities[0][0], one: "", other: "", level: "band" };
  const controls = element("div", { className: "controls" });
  const told = element("p", {});
  const figure = element("figure", { className: "chart" });
  place.append(controls, told, figure);
  const show = () => {
    const rows = panel.values[state.quantity];
    const names = Object.keys(rows);
    if (!(state.one in rows)) state.one = names[0];
    if (!(state.other in rows) || state.other === state.one) state.other = names.find((name) => name !== state.one);
    const named = names.map((name) => [name, look(name).label]);
    const choose = (setting) => (value) => { state[setting] = value; show(); };
    const all = panel.sigmas.map((_, s) => s);
    const band = panel.band && panel.band.length ? panel.band : all; // a page of an earlier run has none
    const within = `${digits(Math.min(...band.map((s) => panel.sigmas[s])))} to ` +
      `${digits(Math.max(...band.map((s) => panel.sigmas[s])))}`;
    const levels = [["band", `sigma ${within}, mean`], ["all", "all noise levels, mean"], ...panel.sigmas.map((sigma, s) => [s, `sigma ${digits(sigma)}`])];
    controls.replaceChildren(menu("Number", quantities, state.quantity, choose("quantity")),
      menu("Denoiser", named, state.one, choose("one")), menu("minus", named, state.other, choose("other")),
      menu("at", levels, state.level, choose("level")));
    const chosen = { band, all }[state.level] ?? [Number(state.level)];
    const found = differences(rows[state.one], rows[state.other], chosen);
    told.textContent = sentence(found, state, panel);
    drawDifferences(figure, found, panel.labels[state.quantity]);
  };
  show();
  new ResizeObserver(() => figure.plot?.setSize({ width: widthIn(figure), height: 240 })).observe(figure);
}

function widthIn(figure) {
  return Math.max(240, figure.clientWidth);
}

/** The difference of each image that has all numbers, of the means over some noise levels. */
function differences(one, other, levels) {
  const found = [];
  one[0].forEach((_, image) => {
    const pairs = levels.map((s) => [one[s][image], other[s][image]]);
    if (pairs.some(([a, b]) => a === null || b === null)) return;
    found.push(pairs.reduce((sum, [a, b]) => sum + a - b, 0) / pairs.length);
  });
  return found;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The percentile bootstrap interval of the mean (Efron 1979); the same draws whenever it is asked for. */
function bootstrap(values, level = 0.95) {
  if (values.length < 2) return [NaN, NaN];
  const random = mulberry(1);
  const means = Array.from({ length: DRAWS }, () => {
    let sum = 0;
    for (let k = 0; k < values.length; k++) sum += values[Math.floor(random() * values.length)];
    return sum / values.length;
  }).sort((a, b) => a - b);
  return [(1 - level) / 2, (1 + level) / 2].map((share) => quantile(means, share));
}

function quantile(sorted, share) {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** Numbers in [0, 1), a function of the seed: mulberry32, of Tommy Ettinger. */
function mulberry(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function sentence(found, state, panel) {
  if (!found.length) return "No image has both numbers here.";
  const [low, high] = bootstrap(found);
  const above = found.filter((value) => value > 0).length;
  const verdict = low > 0 ? "above 0" : high < 0 ? "below 0" : "not told apart";
  return `${look(state.one).label} minus ${look(state.other).label}: ${digits(mean(found))} ` +
    `[${digits(low)}, ${digits(high)}], ${verdict} (${panel.labels[state.quantity]}; mean paired difference with its ` +
    `95 % bootstrap interval over ${found.length} images; positive on ${above} of them).`;
}

/** The differences of single images, in order of size, with their mean. */
function drawDifferences(place, found, label) {
  if (place.plot) place.plot.destroy();
  place.replaceChildren(element("div", { className: "soft", textContent: `difference of ${label}` }));
  if (!found.length) return;
  const sorted = [...found].sort((a, b) => a - b);
  const x = sorted.map((_, k) => k + 1);
  const level = (value) => x.map(() => value);
  place.plot = new uPlot({
    width: widthIn(place), height: 240, legend: { show: false },
    scales: { x: { time: false } },
    axes: [axis("images, by their difference", false), axis(null, false)],
    series: [{},
      { stroke: () => colour("link"), paths: () => null, points: { show: true, size: 6, fill: () => colour("link") } },
      { stroke: () => colour("mark"), width: 2, points: { show: false } },
      { stroke: () => colour("soft"), width: 1, dash: [4, 4], points: { show: false } }],
  }, [x, sorted, level(mean(found)), level(0)], place);
}
