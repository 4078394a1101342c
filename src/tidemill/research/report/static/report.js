// Starts the report: unpacks the data, builds chart and trade list, wires the controls.

import { ResultChart } from "./chart.js";
import { mergeBars, mergeLine, unpackBars, unpackLine, unpackNumbers, unpackRows, unpackTrips } from "./decode.js";
import { clock, quantity } from "./format.js";
import { benchmarkOnBars, curveOnBars, fillBar, makeTimeline } from "./timeline.js";
import { TradeList, describeTrade, tradesCsv } from "./trades.js";

const PHONE_BARS = 20000;
const find = (id) => document.getElementById(id);
const data = JSON.parse(find("tidemill-data").textContent);
const state = { symbol: 0, full: false, turn: 0, loaded: new Map(), keys: true };

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue("--" + name).trim();
  return {
    name: value("theme"), background: value("card"), text: value("text"), muted: value("muted"), line: value("line"),
    grid: value("grid"), gain: value("gain"), loss: value("loss"), lossFill: value("loss-fill"), shade: value("shade"),
    volume: value("volume"), tick: value("field"), label: value("label"), font: value("font"),
    outside: value("outside"), gap: value("gap"), lines: [1, 2, 3, 4, 5, 6].map((number) => value("line" + number)),
  };
}

async function curves() {
  const [time, value, peak] = await Promise.all(["time", "value", "peak"].map((name) => unpackNumbers(data.equity[name])));
  const benchmark = [];
  if (data.benchmark) {
    const [when, level] = await Promise.all([unpackNumbers(data.benchmark.time), unpackNumbers(data.benchmark.value)]);
    when.forEach((second, at) => benchmark.push({ time: second, value: level[at] }));
  }
  return { equity: { time, value, peak }, benchmark };
}

// Bars of one symbol with its axis; a phone gets merged bars until it asks for all.
async function load(symbol) {
  const instrument = data.instruments[symbol];
  const small = matchMedia("(max-width: 819px)").matches && instrument.bars.gap.n > PHONE_BARS && !state.full;
  const key = symbol + (small ? "s" : "");
  if (!state.loaded.has(key)) {
    const full = await unpackBars(instrument.bars);
    const factor = small ? Math.ceil(full.time.length / PHONE_BARS) : 1;
    const bars = small ? mergeBars(full, factor) : full;
    const lines = await Promise.all(instrument.lines.map(async (line) => {
      const values = await unpackLine(line, full.time.length);
      return { label: line.label, pane: line.pane, values: small ? mergeLine(values, factor) : values };
    }));
    const [from, to] = await Promise.all(instrument.outside.map(unpackNumbers));
    const missing = await unpackNumbers(instrument.gaps);
    const timeline = makeTimeline(instrument, bars.time);
    const refusals = state.refusals.filter((row) => row.instrument === symbol)
      .map((row) => ({ bar: timeline.barAt(row.time), price: row.price }));
    const curve = curveOnBars(timeline, state.curves.equity);
    const benchmark = benchmarkOnBars(timeline, state.curves.benchmark);
    const outside = Array.from(from, (second, at) => [timeline.barAt(second), timeline.barAt(to[at])]);
    const gaps = Array.from(missing, (second) => timeline.barAt(second));
    state.loaded.set(key, { instrument, bars, timeline, curve, refusals, benchmark, lines, outside, gaps });
  }
  find("full-detail").hidden = !small;
  return state.loaded.get(key);
}

function describeAll(trades) {
  const timelines = data.instruments.map((instrument) => makeTimeline(instrument, []));
  for (const trade of trades) {
    const instrument = data.instruments[trade.instrument];
    const clocks = timelines[trade.instrument];
    trade.symbol = instrument.symbol;
    trade.strategyName = data.strategies[trade.strategy] ?? "";
    trade.entryClock = instrument.daily ? clocks.local(trade.entry) : clocks.clockOf(trade.entry);
    trade.exitClock = instrument.daily ? clocks.local(trade.exit) : clocks.clockOf(trade.exit);
    trade.entryText = clock(trade.entryClock, instrument.daily);
    trade.entryLabel = (trade.side > 0 ? "L " : "S ") + quantity(trade.quantity);
    trade.exitLabel = data.exitLabels[trade.exit_reason] ?? data.reasons[trade.exit_reason] ?? "";
    trade.text = [
      trade.number, trade.symbol, trade.strategyName, trade.side > 0 ? "long" : "short", trade.entryText, trade.exitLabel,
      (data.reasons[trade.exit_reason] ?? "").replace(/_/g, " "),
    ].join(" ").toLowerCase();
  }
}

function placeTrades(trades, shown) {
  const own = trades.filter((trade) => trade.instrument === state.symbol);
  for (const trade of own) {
    trade.entryBar = fillBar(shown.timeline, shown.bars, trade.entry, trade.entry_price);
    trade.exitBar = Math.max(trade.entryBar, fillBar(shown.timeline, shown.bars, trade.exit, trade.exit_price));
  }
}

function save(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function legend(chart, index) {
  const row = index === null ? null : chart.describe(index);
  find("legend").textContent = row === null ? "" :
    `${row.time}   O ${row.open}  H ${row.high}  L ${row.low}  C ${row.close}   Vol ${row.volume}   ` +
    `Equity ${row.equity}   Drawdown ${row.drawdown}`;
  find("lines").replaceChildren(...chart.describeLines(index).map(({ label, colour, value }) => {
    const item = document.createElement("span");
    item.style.color = colour;
    item.textContent = `${label} ${value}`;
    return item;
  }));
}

function placePaneNames(chart) {
  const box = find("pane-names");
  box.querySelectorAll(".more").forEach((name) => name.remove());
  for (const label of chart.paneLabels) {
    const name = document.createElement("span");
    name.className = "more";
    name.textContent = label;
    box.append(name);
  }
  const names = box.querySelectorAll("span");
  chart.paneTops().forEach((top, at) => { if (names[at]) names[at].style.top = top + 5 + "px"; });
}

function drawTable(chart) {
  const { rows, total } = chart.table();
  const body = find("bars-body");
  body.replaceChildren(...rows.map((bar) => {
    const row = document.createElement("tr");
    for (const name of ["time", "open", "high", "low", "close", "volume", "equity", "drawdown"]) {
      const cell = document.createElement("td");
      if (name !== "time") cell.className = "num";
      cell.textContent = bar[name];
      row.append(cell);
    }
    return row;
  }));
  find("bars-note").textContent = rows.length < total
    ? `First ${rows.length} of ${total} bars in view. Zoom in to see fewer.` : `${total} bars in view.`;
}

function showDetail(trade) {
  const box = find("trade-detail");
  if (!trade) return;
  const instrument = data.instruments[trade.instrument];
  const zone = makeTimeline(instrument, []).zone;
  const lines = describeTrade(trade, instrument.decimals, zone, instrument.daily, data.reasonTexts);
  box.replaceChildren(...lines.flatMap(([name, value]) => {
    const term = document.createElement("dt");
    const text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    return [term, text];
  }));
}

function wireTheme(chart) {
  const apply = () => {
    chart.setTheme(readTheme());
    legend(chart, chart.timeline.times.length > 0 ? chart.timeline.times.length - 1 : null);
  };
  find("theme").addEventListener("click", () => {
    const next = readTheme().name === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
}

function wireKeys(chart, list) {
  const actions = {
    "[": () => list.step(-1), "]": () => list.step(1), 0: () => chart.fit(), "+": () => chart.zoom(0.6), "-": () => chart.zoom(1.6),
    d: () => find("theme").click(), "/": () => list.search.focus(),
  };
  find("keys").addEventListener("change", (event) => { state.keys = event.target.checked; });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=radio]):not([type=checkbox]), select, textarea");
    if (event.key === "Escape" && typing) event.target.blur();
    if (!state.keys || typing || event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
  const moves = { ArrowLeft: -0.2, ArrowRight: 0.2 };
  chart.host.addEventListener("keydown", (event) => {
    if (moves[event.key]) chart.pan(moves[event.key]);
  });
}

function wireControls(chart, list) {
  for (const button of document.querySelectorAll("[data-last]")) {
    button.addEventListener("click", () => chart.showLast(button.dataset.last === "all" ? null : Number(button.dataset.last)));
  }
  const press = (id, act) => find(id).addEventListener("click", (event) => {
    const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
    event.currentTarget.setAttribute("aria-pressed", String(on));
    act(on);
  });
  press("log", (on) => chart.setLogarithmic(on));
  press("indicators", (on) => {
    chart.showLines(on);
    find("lines").hidden = !on;
  });
  press("refused", (on) => chart.showRefused(on));
  press("table-view", (on) => {
    find("bars-table").hidden = !on;
    if (on) drawTable(chart);
  });
  find("previous").addEventListener("click", () => list.step(-1));
  find("next").addEventListener("click", () => list.step(1));
  find("csv").addEventListener("click", () => save(tradesCsv(list.trades, data.reasons), `tidemill-${data.name}-trades.csv`));
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => {
      getSelection().selectAllChildren(find(button.dataset.copy));
      navigator.clipboard?.writeText(find(button.dataset.copy).textContent).then(
        () => { button.textContent = "Copied"; }, () => { button.textContent = "Selected: press Ctrl+C"; });
    });
  }
}

async function start() {
  state.curves = await curves();
  state.refusals = await unpackRows(data.refusals);
  const trades = await unpackTrips(data.trips);
  describeAll(trades);
  const chart = new ResultChart(globalThis.LightweightCharts, find("chart"), readTheme(), data.currency);
  let list;
  const onChart = (trade) => trade?.instrument === state.symbol;
  const refresh = () => chart.setTrades(list.shown.filter(onChart), onChart(list.selected) ? list.selected : null);
  // Resolves to false when a later choice overtook this one while its bars were unpacked.
  const showSymbol = async (symbol) => {
    const turn = ++state.turn;
    const shown = await load(symbol);
    if (turn !== state.turn) return false;
    state.symbol = symbol;
    placeTrades(trades, shown);
    chart.show(shown);
    find("zone").textContent = shown.timeline.zone;
    find("merged").hidden = !shown.instrument.mergedTo;
    find("symbol").value = String(symbol);
    legend(chart, shown.bars.time.length > 0 ? shown.bars.time.length - 1 : null);
    find("indicators").hidden = shown.lines.length === 0;
    requestAnimationFrame(() => placePaneNames(chart));
    if (list) refresh();
    return true;
  };
  await showSymbol(0);
  const parts = { box: find("trades-box"), body: find("trades-body"), count: find("trades-count"), search: find("search"),
    chips: find("chips"), several: data.instruments.length > 1 };
  list = new TradeList(parts, trades, async (trade, moved) => {
    if (!list) return;
    if (!moved) return refresh();
    if (trade.instrument === state.symbol) state.turn += 1;
    else if (!(await showSymbol(trade.instrument))) return;
    refresh();
    chart.focus(trade);
    showDetail(trade);
  });
  refresh();
  find("symbol").addEventListener("change", (event) => showSymbol(Number(event.target.value)));
  find("full-detail").addEventListener("click", () => {
    state.full = true;
    showSymbol(state.symbol);
  });
  chart.onPoint = (index) => legend(chart, index);
  chart.onRange = () => { if (!find("bars-table").hidden) drawTable(chart); };
  wireTheme(chart);
  wireKeys(chart, list);
  wireControls(chart, list);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
  new ResizeObserver(() => placePaneNames(chart)).observe(chart.host);
  chart.host.addEventListener("pointerup", () => placePaneNames(chart));
  placePaneNames(chart);
  document.documentElement.dataset.ready = "true";
}

start().catch((error) => {
  find("chart-failed").hidden = false;
  find("chart-failed").textContent =
    "The interactive chart could not start in this browser; the tables below are complete. " + error.message;
  throw error;
});
