// Brings the page to life.

const STARTERS = { slides: startSlides, explorer: startExplorer, paired: startPaired };

async function start() {
  const page = content("page-data");
  Object.assign(looks, page.looks);
  startTheme();
  startSwitches(page.switches);
  startTables();
  for (const place of document.querySelectorAll("[data-chart]")) startChart(place, content(place.dataset.chart));
  for (const place of document.querySelectorAll("[data-panel]")) {
    const panel = content(place.dataset.panel);
    place.querySelector(".waiting").remove();
    await STARTERS[panel.kind](place, panel);
  }
  document.documentElement.dataset.ready = "true";
}

start();
