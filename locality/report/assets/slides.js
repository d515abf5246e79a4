// The same noisy images, denoised by each denoiser; a slider chooses the noise level.

function startSlides(place, panel) {
  const slider = element("input", { type: "range", min: 0, max: panel.sigmas.length - 1, step: 1 });
  slider.setAttribute("aria-label", "noise level");
  const told = element("output");
  const grid = element("div", { className: "slides" });
  const rows = panel.rows.map((row) => {
    const image = element("img", { alt: look(row.name).label });
    const note = element("div", { className: "soft" });
    const label = element("div", { className: "label" }, look(row.name).label, note);
    grid.append(label, image);
    return { ...row, image, note, label };
  });
  grid.style.maxWidth = `${200 + panel.count * 112}px`;
  const show = () => {
    const s = Number(slider.value);
    told.textContent = `sigma = ${digits(panel.sigmas[s])} (pixel units, images in [-1, 1])`;
    for (const row of rows) {
      row.image.src = `data:image/png;base64,${row.strips[s]}`;
      row.note.textContent = row.notes[s] || "";
      row.image.hidden = row.label.hidden = hidden.has(row.name);
      row.image.style.display = row.label.style.display = hidden.has(row.name) ? "none" : "";
    }
  };
  slider.value = Math.floor(panel.sigmas.length / 2);
  slider.addEventListener("input", show);
  place.append(element("div", { className: "controls" }, element("label", {}, "Noise", slider), told), grid);
  show();
  listeners.push(show);
}
