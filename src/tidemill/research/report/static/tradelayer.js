// Draws round trips on the price pane: entries, exits, the line between them, the shade of the chosen trade.
// A drawing plug-in of the chart library; it draws only what is in view and thins by zoom.

const THIN_BELOW_PX = 3;
const LABELS_FROM_PX = 7;
const MOST_WHEN_THIN = 150;

export class TradeLayer {
  constructor() {
    this.trades = [];
    this.selected = null;
    this.theme = null;
    this.drawn = 0;
    const renderer = { draw: (target) => this.#draw(target), drawBackground: (target) => this.#shade(target) };
    this.views = [{ zOrder: () => "top", renderer: () => renderer }];
  }

  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { chart, series, requestUpdate });
  }

  paneViews() {
    return this.views;
  }

  // trades: [{entryBar, exitBar, entry_price, exit_price, side, pnl, entryLabel, exitLabel, open}], by entry.
  show(trades, selected) {
    this.trades = trades;
    this.selected = selected;
    this.requestUpdate?.();
  }

  setTheme(theme) {
    this.theme = theme;
    this.requestUpdate?.();
  }

  #inView() {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return [];
    return this.trades.filter((trade) => trade.exitBar >= range.from - 1 && trade.entryBar <= range.to + 1);
  }

  #place(trade) {
    const scale = this.chart.timeScale();
    return {
      x1: scale.logicalToCoordinate(trade.entryBar),
      y1: this.series.priceToCoordinate(trade.entry_price),
      x2: scale.logicalToCoordinate(trade.exitBar),
      y2: this.series.priceToCoordinate(trade.exit_price),
    };
  }

  #shade(target) {
    const trade = this.selected;
    if (!trade || trade.entryBar === undefined) return;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      const { x1, x2 } = this.#place(trade);
      const half = this.chart.timeScale().options().barSpacing / 2;
      context.fillStyle = this.theme.shade;
      context.fillRect(x1 - half, 0, x2 - x1 + 2 * half, mediaSize.height);
    });
  }

  #draw(target) {
    const spacing = this.chart.timeScale().options().barSpacing;
    const seen = this.#inView();
    const thin = spacing < THIN_BELOW_PX && seen.length > MOST_WHEN_THIN;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      if (thin) this.#counts(context, seen, mediaSize);
      const shown = thin ? [] : seen.filter((trade) => trade !== this.selected);
      for (const trade of shown) this.#trade(context, trade, spacing, false);
      if (this.selected && seen.includes(this.selected)) this.#trade(context, this.selected, spacing, true);
      this.drawn = shown.length;
    });
  }

  // Too many to tell apart: one tick per few pixels along the foot of the pane, as tall as there are entries.
  #counts(context, seen, size) {
    const step = 4;
    const bins = new Map();
    for (const trade of seen) {
      const bin = Math.floor(this.chart.timeScale().logicalToCoordinate(trade.entryBar) / step);
      bins.set(bin, (bins.get(bin) ?? 0) + 1);
    }
    const most = Math.max(1, ...bins.values());
    context.fillStyle = this.theme.tick;
    for (const [bin, count] of bins) {
      const height = 3 + (11 * count) / most;
      context.fillRect(bin * step, size.height - height, step - 1, height);
    }
  }

  #trade(context, trade, spacing, strong) {
    const { x1, y1, x2, y2 } = this.#place(trade);
    if (x1 === null || x2 === null || y1 === null || y2 === null) return;
    const { gain, loss, background } = this.theme;
    const result = trade.pnl >= 0 ? gain : loss;
    context.lineWidth = strong ? 2 : 1;
    context.strokeStyle = result;
    context.setLineDash(trade.pnl >= 0 ? [] : [4, 3]);
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
    context.setLineDash([]);
    const size = strong ? 7 : Math.min(6, Math.max(3.5, spacing * 0.7));
    const long = trade.side > 0;
    const foot = long ? 1 : -1;
    context.fillStyle = long ? gain : loss;
    context.strokeStyle = background;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(x1, y1 + foot * 2);
    context.lineTo(x1 - size, y1 + foot * (2 + size * 1.6));
    context.lineTo(x1 + size, y1 + foot * (2 + size * 1.6));
    context.closePath();
    context.stroke();
    context.fill();
    context.fillStyle = result;
    context.beginPath();
    context.arc(x2, y2, size * 0.75, 0, 2 * Math.PI);
    context.stroke();
    context.fill();
    if (strong || spacing >= LABELS_FROM_PX) {
      this.#label(context, trade.entryLabel, x1, y1 + foot * (size * 1.6 + 12));
      this.#label(context, trade.exitLabel, x2, y2 - foot * (size + 9));
    }
  }

  #label(context, text, x, y) {
    if (!text) return;
    context.font = "600 11px " + this.theme.font;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = this.theme.background;
    context.strokeText(text, x, y);
    context.fillStyle = this.theme.text;
    context.fillText(text, x, y);
  }
}
