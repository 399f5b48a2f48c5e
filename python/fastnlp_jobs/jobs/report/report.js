"use strict";
// What the page does by itself: theme, tables that sort, filter and save, charts drawn when they come near.

const root = document.documentElement;

// ---- Tables ----

function cellValue(row, column) {
  const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
}

function compareCells(a, b) {
  const missing = (value) => value === "–" || Number.isNaN(value);
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  if (typeof a === "number" && typeof b === "number") return a < b ? -1 : a > b ? 1 : 0;
  return String(a).localeCompare(String(b));
}

function sortTable(table, heading) {
  const ascending = heading.getAttribute("aria-sort") === "descending" ||
    (heading.getAttribute("aria-sort") === "none" && !heading.classList.contains("number"));
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const column = heading.cellIndex;
  const isMissing = (value) => value === "–" || Number.isNaN(value);
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, value: cellValue(row, column) }));
  rows.sort((a, b) => {
    const order = compareCells(a.value, b.value);
    return isMissing(a.value) || isMissing(b.value) || ascending ? order : -order;
  });
  table.tBodies[0].append(...rows.map((entry) => entry.row));
}

function filterTable(figure, wanted) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...figure.querySelectorAll("tbody tr")];
  let matches = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    matches += !row.hidden;
  }
  figure.querySelector(".matches").textContent = words.length ? `${matches} of ${rows.length} match. ` : "";
}

// A cell that begins like a formula is run by spreadsheets: an apostrophe makes it a text.
function csvField(text) {
  const harmless = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return '"' + harmless.replaceAll('"', '""') + '"';
}

function csvText(table) {
  const values = (row) => [...row.cells].map((cell) =>
    cell.dataset.value === undefined ? csvField(cell.textContent.trim()) : cell.dataset.value);
  const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
  const heading = [...table.tHead.rows[0].cells].map((cell) => csvField(cell.textContent.trim()));
  return "\ufeff" + [heading, ...rows.map(values)].map((row) => row.join(",") + "\r\n").join("");
}

function saveTable(figure, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csvText(figure.querySelector("table"))], { type: "text/csv" }));
  link.download = name + ".csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

for (const figure of document.querySelectorAll("figure.table")) {
  const table = figure.querySelector("table");
  for (const heading of table.tHead.rows[0].cells) {
    heading.firstElementChild.addEventListener("click", () => sortTable(table, heading));
  }
  const input = figure.querySelector("input");
  input.addEventListener("input", () => filterTable(figure, input.value));
  const button = figure.querySelector(".csv");
  button.addEventListener("click", () => saveTable(figure, button.dataset.name));
}

// ---- Charts ----

const isTouched = matchMedia("(pointer: coarse)").matches;

// Plotly is large: it stands in the page as text and is run when the first chart comes near the screen.
function loadPlotly() {
  if (window.Plotly) return;
  const script = document.createElement("script");
  script.textContent = document.getElementById("plotly").textContent;
  document.head.append(script);
}

// Plotly wants colours that are worked out; style sheets hold `light-dark(…)`.
function colour(name) {
  const probe = document.getElementById("theme");
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.style.color = "";
  return found;
}

function themed(figure) {
  const axis = { gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("line") };
  const layout = {
    ...figure.layout,
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { color: colour("ink"), family: getComputedStyle(document.body).fontFamily, size: 12 },
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink") }, align: "left" },
    margin: { l: 8, r: 16, t: 8, b: 8 },
    dragmode: isTouched ? false : "zoom",
    legend: { orientation: "h", traceorder: "normal", y: 1.02, yanchor: "bottom", x: 0 },
    showlegend: figure.layout.showlegend === true,
    xaxis: { ...axis, automargin: true, ...figure.layout.xaxis },
    yaxis: { ...axis, automargin: true, ...figure.layout.yaxis },
    shapes: (figure.layout.shapes || []).map((shape) => ({ ...shape, line: { color: colour(shape.name), width: 1.5, dash: "dot" } })),
  };
  const data = figure.data.map((trace) => ({
    ...trace,
    marker: trace.type === "scatter"
      ? { color: colour(trace.meta), size: 8, opacity: 0.75, line: { width: 0 } }
      : { color: colour(trace.meta) },
  }));
  return { data, layout };
}

function draw(plot, width) {
  loadPlotly();
  const figure = themed(JSON.parse(document.getElementById(plot.dataset.figure).textContent));
  if (width) figure.layout.width = width;
  const config = {
    responsive: true,
    displaylogo: false,
    displayModeBar: isTouched ? false : "hover", // without a mouse to hover, it would always cover the legend
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { filename: plot.id },
  };
  window.Plotly.react(plot, figure.data, figure.layout, config);
  plot.dataset.drawn = "yes";
}

const plots = [...document.querySelectorAll(".plot")];
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    draw(entry.target);
  }
}, { rootMargin: "300px" });
for (const plot of plots) near.observe(plot);

// ---- Theme ----

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function setTheme(dark) {
  root.dataset.theme = dark ? "dark" : "light";
  for (const plot of plots) if (plot.dataset.drawn) draw(plot);
}

setTheme(prefersDark.matches);
prefersDark.addEventListener("change", () => setTheme(prefersDark.matches));
document.getElementById("theme").addEventListener("click", () => setTheme(root.dataset.theme !== "dark"));

// ---- Paper ----

const PAPER_WIDTH = 620; // what a chart has on A4 and on Letter; wider, and the browser shrinks the whole page
let themeOnScreen = "light";

addEventListener("beforeprint", () => {
  themeOnScreen = root.dataset.theme;
  root.dataset.theme = "light";
  for (const plot of plots) draw(plot, PAPER_WIDTH);
});
addEventListener("afterprint", () => {
  root.dataset.theme = themeOnScreen;
  for (const plot of plots) draw(plot);
});
