// Curves with their intervals; the values under the pointer stand below.

/** A chart of the page: uPlot draws it, its legend is ours. */
function startChart(place, chart) {
  const [columns, series, owners] = laidOut(chart);
  const readout = element("div", { className: "readout" });
  const drawing = element("div");
  const height = element("div", { className: "soft", textContent: chart.y_label });
  place.append(height, drawing, readout);
  const plot = new uPlot({
    width: Math.max(280, drawing.clientWidth), height: 320, series, legend: { show: false },
    bands: bandsOf(chart),
    scales: {
      x: { time: false, ...(chart.log_x ? { distr: 3, range: aroundData } : {}) },
      y: { distr: chart.log_y ? 3 : 1, range: (self, low, high) => framed(chart, low, high) },
    },
    axes: [axis(chart.x_label, chart.log_x), axis(null, chart.log_y)],
    cursor: { drag: { x: true, y: false }, points: { size: 7 } },
    hooks: { setCursor: [(self) => tellValues(readout, chart, self.cursor.idx)] },
  }, columns, drawing);
  const show = () => {
    owners.forEach((owner, k) => {
      if (k > 0 && plot.series[k].show === hidden.has(owner)) plot.setSeries(k, { show: !hidden.has(owner) });
    });
    plot.redraw(false);
    tellValues(readout, chart, null);
  };
  show();
  listeners.push(show);
  new ResizeObserver(() => plot.setSize({ width: Math.max(280, drawing.clientWidth), height: 320 })).observe(drawing);
  place.plot = plot;
  place.relabel = (label) => { height.textContent = label; };
}

/** Columns and series as uPlot wants them; who owns each: a curve, and the ends of its interval. */
function laidOut(chart) {
  const drawn = (values) => values.map((value) => (chart.log_y && !(value > 0) ? null : value));
  const order = chart.x.map((x, k) => k).sort((a, b) => chart.x[a] - chart.x[b]);
  const sorted = (values) => order.map((k) => values[k]);
  const columns = [sorted(chart.x)];
  const series = [{}];
  const owners = [""];
  for (const one of chart.series) {
    const stroke = () => seen(look(one.look).colour);
    const dash = DASHES[one.beside ? ":" : look(one.look).line];
    columns.push(drawn(sorted(one.mean)));
    series.push({ label: one.name, stroke, width: 2, dash, spanGaps: true, 
      points: { show: chart.x.length < 60, size: 6, fill: () => colour("paper") } });
    owners.push(one.look);
    for (const end of one.low ? [one.high, one.low] : []) {
      columns.push(drawn(sorted(end)));
      series.push({ stroke: "transparent", width: 0, points: { show: false }, spanGaps: true });
      owners.push(one.look);
    }
  }
  chart.order = order;
  return [columns, series, owners];
}

function bandsOf(chart) {
  const bands = [];
  let k = 1;
  for (const one of chart.series) {
    if (one.low) bands.push({ series: [k + 1, k + 2], fill: () => faint(seen(look(one.look).colour)) });
    k += one.low ? 3 : 1;
  }
  return bands;
}

function faint(shade) {
  return shade.startsWith("#") ? `${shade}2e` : shade.replace("rgb(", "rgba(").replace(")", ", 0.18)");
}

/** What of the y axis is shown: all that is seen, cut where the chart says. */
function framed(chart, low, high) {
  if (low === null || high === null || low === undefined) return chart.log_y ? [0.1, 1] : [0, 1];
  const [bottom, top] = chart.y_range;
  let [from, to] = [bottom === null ? low : Math.max(low, bottom), top === null ? high : Math.min(high, top)];
  if (!(from < to)) [from, to] = [low, high];
  if (chart.log_y) return from === to ? [from / 2, to * 2] : [from * 0.9, to * 1.1];
  const margin = 0.05 * (to - from || Math.abs(to) || 1);
  return [from - margin, to + margin];
}

/** An axis; a label of the y axis stands above the chart instead, where it is never cut. */
function axis(label, logarithmic) {
  const grid = { stroke: () => colour("line"), width: 1 };
  const made = { ...(label ? { label, labelSize: 22 } : {}), stroke: () => colour("soft"), grid, ticks: grid,
    size: label ? 34 : widthOfTicks, values: (self, splits) => splits.map(tickText) };
  return logarithmic ? { ...made, splits: logTicks, filter: (self, splits) => splits } : made;
}

/** The width that the longest number beside the y axis needs. */
function widthOfTicks(self, texts, place, cycle) {
  const made = self.axes[place];
  if (cycle > 1) return made._size; // uPlot asks again until sizes agree
  self.ctx.font = made.font[0];
  const widths = (texts || []).map((text) => self.ctx.measureText(text).width / devicePixelRatio);
  return Math.ceil(Math.max(20, ...widths)) + made.ticks.size + made.gap + 2;
}

function tickText(value) {
  const [size, short] = [Math.abs(value), Number(value.toPrecision(4))];
  return value !== 0 && (size < 1e-3 || size >= 1e6) ? short.toExponential().replace("e+", "e") : String(short);
}

/** The ends of a logarithmic x axis: a little beyond the data. */
function aroundData(self, low, high) {
  if (!(low > 0 && high > 0)) return [0.1, 1];
  const margin = low === high ? 2 : (high / low) ** 0.03;
  return [low / margin, high * margin];
}

/** Ticks of a logarithmic axis: powers of ten; with 2 and 5, with all digits, or in even steps where it is short. */
function logTicks(self, place, low, high) {
  const [first, last] = [low, high].map((end) => Math.floor(Math.log10(end)));
  const powers = Array.from({ length: last - first + 1 }, (_, k) => first + k);
  const every = Math.ceil((last - first) / 6);
  const within = (digits, kept) => kept.flatMap((power) => digits.map((digit) => digit * 10 ** power))
    .filter((value) => value >= low && value <= high);
  const choices = [within([1], powers.filter((power) => power % every === 0)), within([1, 2, 5], powers),
    within([1, 2, 3, 4, 5, 6, 7, 8, 9], powers)];
  return choices.find((ticks) => ticks.length > 2) || evenTicks(low, high);
}

function evenTicks(low, high) {
  const rough = (high - low) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find((digit) => digit * unit >= rough);
  const count = Math.floor(high / step) - Math.ceil(low / step) + 1;
  return Array.from({ length: count }, (_, k) => (Math.ceil(low / step) + k) * step);
}

/** The values at a point of the x axis, a line for each curve that is shown. */
function tellValues(readout, chart, place) {
  const at = place === null || place === undefined ? null : chart.order[place];
  const lines = chart.series.filter((one) => !hidden.has(one.look)).map((one) => {
    let value = "";
    if (at !== null) {
      value = digits(one.mean[at]);
      if (one.low && one.low[at] !== null) value += ` [${digits(one.low[at])}, ${digits(one.high[at])}]`;
    }
    const name = one.label + outOfRange(one.mean, chart.y_range);
    return element("div", {}, swatch.plain(one), element("span", { className: "name", textContent: name, title: name }),
      element("span", { className: "value", textContent: value }));
  });
  const head = at === null ? "Point at the curves for values." : `${chart.x_label}: ${digits(chart.x[at])}`;
  readout.replaceChildren(element("div", { className: "at", textContent: head }), ...lines);
}

/** What the legend adds for a curve that leaves the chart, in the words of the picture (`edges.py`). */
function outOfRange(values, [bottom, top]) {
  const seen = values.filter((value) => Number.isFinite(value));
  const [least, most] = [Math.min(...seen), Math.max(...seen)];
  if (seen.length && bottom !== null && least < bottom) return ` (down to ${digits(least)})`;
  return seen.length && top !== null && most > top ? ` (up to ${digits(most)})` : "";
}

/** A swatch that is made anew with its line, and so needs no listener. */
swatch.plain = (one) => {
  const made = element("span", { className: "swatch" });
  made.style.borderTopColor = seen(look(one.look).colour);
  made.style.borderTopStyle = one.beside ? "dotted" : { "-": "solid", ":": "dotted" }[look(one.look).line] || "dashed";
  return made;
};
