const root = document.documentElement;
const themeButton = document.getElementById("theme");

function showTheme() {
  const dark = root.dataset.theme === "dark";
  root.classList.toggle("dark", dark);
  themeButton.textContent = dark ? "Light" : "Dark";
  themeButton.setAttribute("aria-pressed", String(dark));
}

themeButton.addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* a browser that stores nothing for files */ }
  showTheme();
});
showTheme();

// A link to something inside a closed <details> opens it.
addEventListener("hashchange", () => {
  for (let node = document.getElementById(location.hash.slice(1)); node; node = node.parentElement) {
    if (node.tagName === "DETAILS") node.open = true;
  }
});

// One player at a time.
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const safe = (text) => String(text ?? "").replace(/[&<>"']/g, (character) => escapes[character]);

function decimal(value, digits) {
  if (value === null || value === undefined) return "–";
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) ? "−" : "") + (text.startsWith("0.") ? text.slice(1) : text);
}

// Sorted and filtered by its value, shown as a number of the paper's form. With its type given, DataTables does not look
// for it in every row.
const isNumber = Symbol("number");
const number = (digits) => Object.assign(
  (value, type) => (type === "display" ? decimal(value, digits) : value), { [isNumber]: true },
);
const text = (value, type) => (type === "display" ? safe(value) : value ?? "");

function players() {
  const found = new Map();
  for (const audio of document.querySelectorAll('audio[data-condition="clean"]')) {
    found.set(`${audio.dataset.corpus}\n${audio.dataset.id}`, audio.id);
  }
  return found;
}

function claimColumns() {
  const column = (name, title, className, render = text) => ({ name, title, className, render, data: name });
  const badge = (value, type) =>
    type === "display" ? `<span class="verdict ${safe(value)}">${safe(value)}</span>` : value;
  const statement = (value, type, row) => {
    if (type !== "display") return value;
    const more = [row.compared, row.covers && `The interval covers ${row.covers}.`].filter(Boolean).map(safe).join("<br>");
    return more ? `<details><summary>${safe(value)}</summary><p class="small">${more}</p></details>` : safe(value);
  };
  const estimate = Object.assign((value, type, row) => {
    if (type !== "display") return value;
    const known = row.low !== null && row.high !== null && row.low !== row.high;
    return decimal(value, 3) + (known ? ` [${decimal(row.low, 3)}, ${decimal(row.high, 3)}]` : "");
  }, { [isNumber]: true });
  return [
    column("verdict", "Verdict", "name", badge),
    column("words", "Statement", "words", statement),
    column("estimate", "Estimate [interval]", "name", estimate),
    column("claimed", "Claimed", "name"),
    column("section", "Section", "name"),
    column("seeds", "Seeds", "name"),
    column("settles", "What would settle it", "detail"),
    column("headline", "Title, abstract or conclusion", "name"),
  ];
}

function scoreColumns() {
  const column = (name, title, render = text) => ({ name, title, render, data: name, className: "name" });
  return [
    column("model", "Model"),
    column("corpus", "Corpus"),
    column("condition", "Condition"),
    column("dimension", "Dimension"),
    column("mean", "Mean CCC", number(3)),
    column("sd", "SD over seeds", number(3)),
    column("minimum", "Lowest", number(3)),
    column("maximum", "Highest", number(3)),
    column("seeds", "Seeds"),
  ];
}

function utteranceColumns(names) {
  const playable = players();
  const [corpus, id] = ["corpus", "id"].map((name) => names.indexOf(name));
  const column = (name, title, render = text) => ({ name, title, render, data: name, className: "name" });
  const play = Object.assign((player, type, row) => {
    if (type !== "display") return player ? 1 : 0;
    return player ? `<button type="button" data-player="${player}" aria-label="Play ${safe(row.id)}">▶</button>` : "";
  }, { [isNumber]: true });
  const dimensions = ["arousal", "dominance", "valence"].flatMap((name) => [
    column(`label_${name}`, name, number(2)),
    column(`predicted_${name}`, "predicted", number(2)),
  ]);
  return [
    { ...column("play", "Play", play), data: (row) => playable.get(`${row[corpus]}\n${row[id]}`) ?? "" },
    column("corpus", "Corpus"),
    column("id", "Utterance"),
    column("speaker", "Speaker"),
    column("gender", "Gender"),
    column("duration_s", "Seconds", number(2)),
    ...dimensions,
    column("error_valence", "Error in valence", number(2)),
    column("transcript", "Transcript"),
  ];
}

function addFilters(name, table) {
  for (const select of document.querySelectorAll(`select[data-table="${name}"]`)) {
    const column = table.column(`${select.dataset.column}:name`);
    const values = [...new Set(column.data().toArray())].filter((value) => value !== null && value !== "");
    for (const value of values.sort()) select.add(new Option(value, value));
    select.addEventListener("change", () => column.search(select.value, { exact: select.value !== "" }).draw());
  }
}

const kinds = {
  claims: { columns: claimColumns, pageLength: 10 },
  scores: { columns: scoreColumns, pageLength: 10 },
  utterances: { columns: utteranceColumns, pageLength: 10, order: [0, "desc"] }, // those that can be played first
};

function makeTable(DataTable, name) {
  const content = JSON.parse(document.getElementById(`${name}-data`).textContent);
  // The JSON has the names of the columns once; a row is an array, which DataTables reads by position.
  const position = (each) => (typeof each.data === "string" ? content.columns.indexOf(each.data) : each.data);
  const named = (row) => Object.fromEntries(content.columns.map((column, index) => [column, row[index]]));
  const columns = kinds[name].columns(content.columns).map((each) => ({
    ...each,
    data: position(each),
    type: each.render[isNumber] ? "num" : "string",
    render: (value, type, row) => each.render(value, type, type === "display" ? named(row) : row),
  }));
  const table = new DataTable(`#${name}-table`, {
    data: content.rows,
    columns,
    pageLength: kinds[name].pageLength,
    deferRender: true,
    autoWidth: false,
    order: kinds[name].order ?? [],
    lengthMenu: [10, 25, 50, 100],
    layout: { topStart: "search", topEnd: "pageLength", bottomStart: "info", bottomEnd: "paging" },
  });
  addFilters(name, table);
  return table;
}

document.addEventListener("click", (event) => {
  const player = event.target.closest?.("button[data-player]")?.dataset.player;
  if (player) document.getElementById(player).play();
});

const source = document.getElementById("tables-source").textContent;
const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
const { default: DataTable } = await import(address);
URL.revokeObjectURL(address);
window.tables = {};
for (const name of Object.keys(kinds)) {
  if (document.getElementById(`${name}-table`)) window.tables[name] = makeTable(DataTable, name);
}
performance.mark("ready");
root.dataset.ready = "true";
