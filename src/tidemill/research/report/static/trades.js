// The trade list: only the rows in sight are in the page; sort, filter, step, download.

import { DASH, clock, fixed, quantity, signed } from "./format.js";

const SPARE_ROWS = 8;
const FILTERS = {
  all: () => true,
  long: (trade) => trade.side > 0,
  short: (trade) => trade.side < 0,
  win: (trade) => trade.pnl > 0,
  loss: (trade) => trade.pnl < 0,
};

export class TradeList {
  // parts: {box, body, count, search, chips}; `onChange(selected, moved)` after a choice or a filter.
  constructor(parts, trades, onChange) {
    Object.assign(this, parts, { trades, onChange });
    this.shown = trades;
    this.selected = null;
    this.order = { key: "number", up: true };
    this.filter = "all";
    this.box.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(this.box);
    this.search.addEventListener("input", () => this.#apply());
    this.chips.addEventListener("change", (event) => {
      this.filter = event.target.value;
      this.#apply();
    });
    for (const head of this.box.querySelectorAll("th[data-key]")) {
      head.querySelector("button").addEventListener("click", () => this.#sortBy(head.dataset.key));
    }
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-trade]");
      if (row) this.select(this.trades[Number(row.dataset.trade)]);
    });
    this.#apply();
  }

  select(trade) {
    this.selected = trade;
    this.#reveal(this.shown.indexOf(trade));
    this.#draw(true);
    this.onChange(trade, true);
  }

  step(by) {
    if (this.shown.length === 0) return;
    const at = this.shown.indexOf(this.selected);
    const next = at < 0 ? (by > 0 ? 0 : this.shown.length - 1) : at + by;
    this.select(this.shown[Math.min(this.shown.length - 1, Math.max(0, next))]);
  }

  #sortBy(key) {
    this.order = { key, up: this.order.key === key ? !this.order.up : true };
    for (const head of this.box.querySelectorAll("th[data-key]")) {
      const own = head.dataset.key === key;
      if (own) head.setAttribute("aria-sort", this.order.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    this.#apply();
  }

  #apply() {
    const wanted = this.search.value.trim().toLowerCase();
    const { key, up } = this.order;
    const matches = (trade) => FILTERS[this.filter](trade) && (!wanted || trade.text.includes(wanted));
    const rank = (trade) => trade[key] ?? -Infinity;
    const compare = (a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : a.index - b.index);
    this.shown = this.trades.filter(matches).sort((a, b) => (up ? compare(a, b) : compare(b, a)));
    this.count.textContent = this.shown.length === this.trades.length
      ? `${fixed(this.trades.length, 0)} trades`
      : `${fixed(this.shown.length, 0)} of ${fixed(this.trades.length, 0)} trades`;
    this.box.scrollTop = 0;
    this.box.querySelector("table").setAttribute("aria-rowcount", String(this.shown.length + 1));
    this.#draw(true);
    this.onChange(this.selected, false);
  }

  #rowHeight() {
    return Number.parseFloat(getComputedStyle(this.box).getPropertyValue("--row")) || 28;
  }

  #reveal(at) {
    if (at < 0) return;
    const row = this.#rowHeight();
    const head = this.box.querySelector("thead").offsetHeight;
    const room = this.box.clientHeight - head;
    const top = at * row;
    if (top < this.box.scrollTop || top + row > this.box.scrollTop + room) {
      this.box.scrollTop = Math.max(0, top - room / 2);
    }
  }

  #draw(force = false) {
    const row = this.#rowHeight();
    const from = Math.max(0, Math.floor(this.box.scrollTop / row) - SPARE_ROWS);
    const to = Math.min(this.shown.length, from + Math.ceil(this.box.clientHeight / row) + 2 * SPARE_ROWS);
    if (!force && from === this.from && to === this.to) return;
    Object.assign(this, { from, to });
    const focused = this.body.contains(document.activeElement)
      ? document.activeElement.closest("tr")?.dataset.trade : undefined;
    const rows = this.shown.slice(from, to).map((trade, at) => this.#row(trade, from + at));
    this.body.replaceChildren(spacer(from * row), ...rows, spacer((this.shown.length - to) * row));
    if (focused !== undefined) this.body.querySelector(`tr[data-trade="${focused}"] button`)?.focus({ preventScroll: true });
  }

  #row(trade, at) {
    const row = document.createElement("tr");
    row.dataset.trade = String(trade.index);
    row.setAttribute("aria-rowindex", String(at + 2));
    if (trade === this.selected) row.setAttribute("aria-current", "true");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = String(trade.number);
    button.setAttribute("aria-label", `Show trade ${trade.number} on the chart`);
    const cells = [
      [button, "num"], [trade.entryText, ""], [trade.side > 0 ? "Long" : "Short", trade.side > 0 ? "gain" : "loss"],
      [quantity(trade.quantity), "num"], [signed(trade.pnl, 2), "num " + (trade.pnl < 0 ? "loss" : "gain")],
      [trade.r === null ? DASH : signed(trade.r, 2), "num"], [trade.exitLabel, "why"],
    ];
    if (this.several) cells.splice(2, 0, [trade.symbol, ""]);
    for (const [content, name] of cells) {
      const cell = document.createElement("td");
      cell.className = name;
      cell.append(content);
      row.append(cell);
    }
    return row;
  }
}

function spacer(height) {
  const row = document.createElement("tr");
  row.className = "spacer";
  row.setAttribute("aria-hidden", "true");
  const cell = document.createElement("td");
  cell.colSpan = 9;
  cell.style.height = height + "px";
  row.append(cell);
  return row;
}

// A field that a spreadsheet would take for a formula gets an apostrophe; numbers keep their sign.
function csvText(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return /[",\r\n]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
}

export function tradesCsv(trades, reasons) {
  const head = [
    "number", "symbol", "strategy", "side", "quantity", "entry_utc", "entry_price", "exit_utc", "exit_price", "pnl", "fees",
    "risk", "r", "bars", "mae", "mfe", "entry_reason", "exit_reason",
  ];
  const iso = (second) => new Date(second * 1000).toISOString();
  const lines = trades.map((trade) => [
    trade.number, csvText(trade.symbol), csvText(trade.strategyName), trade.side > 0 ? "long" : "short", trade.quantity,
    iso(trade.entry), trade.entry_price, iso(trade.exit), trade.exit_price, trade.pnl, trade.fees, trade.risk,
    trade.r === null ? "" : trade.r, trade.bars, trade.mae, trade.mfe,
    csvText(reasons[trade.entry_reason] ?? ""), csvText(reasons[trade.exit_reason] ?? ""),
  ].join(","));
  return [head.join(","), ...lines].join("\r\n") + "\r\n";
}

export function describeTrade(trade, decimals, zone, daily, texts) {
  const price = (value) => fixed(value, decimals);
  const when = (second) => clock(second, daily) + (daily ? "" : " " + zone);
  const why = (reason) => texts[reason] ?? "";
  return [
    ["Entry", `${when(trade.entryClock)} at ${price(trade.entry_price)}. ${why(trade.entry_reason)}`],
    ["Exit", `${when(trade.exitClock)} at ${price(trade.exit_price)}. ${why(trade.exit_reason)}`],
    ["Result", `${signed(trade.pnl, 2)} after ${fixed(trade.fees, 2)} fees` + (trade.r === null ? "" : `, ${signed(trade.r, 2)} R`)],
    ["Held", `${fixed(trade.bars, 0)} bars`],
    ["Worst / best", `${fixed(-trade.mae, decimals)} / ${signed(trade.mfe, decimals)} points`],
  ];
}
