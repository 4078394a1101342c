// Draws what surrounds trades on the price pane: thin lines between sessions, hollow diamonds for refused entries.

const MOST_BREAKS = 80;
const MOST_REFUSALS = 400;
const HALF = 4;

export class MarkLayer {
  constructor() {
    this.breaks = [];
    this.refusals = [];
    this.refused = false;
    this.theme = null;
    const renderer = { draw: (target) => this.#refusals(target), drawBackground: (target) => this.#breaks(target) };
    this.views = [{ zOrder: () => "normal", renderer: () => renderer }];
  }

  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { chart, series, requestUpdate });
  }

  paneViews() {
    return this.views;
  }

  // breaks: indices of bars that begin a session; refusals: [{bar, price}], by bar.
  show(breaks, refusals) {
    Object.assign(this, { breaks, refusals });
    this.requestUpdate?.();
  }

  set(options) {
    Object.assign(this, options);
    this.requestUpdate?.();
  }

  #seen(rows, barOf, most) {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const seen = range ? rows.filter((row) => barOf(row) >= range.from && barOf(row) <= range.to) : [];
    return seen.length > most ? [] : seen;
  }

  #breaks(target) {
    const scale = this.chart.timeScale();
    const half = scale.options().barSpacing / 2;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      context.fillStyle = this.theme.line;
      for (const bar of this.#seen(this.breaks, (row) => row, MOST_BREAKS)) {
        context.fillRect(Math.round(scale.logicalToCoordinate(bar) - half), 0, 1, mediaSize.height);
      }
    });
  }

  #refusals(target) {
    if (!this.refused) return;
    const scale = this.chart.timeScale();
    target.useMediaCoordinateSpace(({ context }) => {
      context.strokeStyle = this.theme.muted;
      context.lineWidth = 1.5;
      for (const refusal of this.#seen(this.refusals, (row) => row.bar, MOST_REFUSALS)) {
        const x = scale.logicalToCoordinate(refusal.bar);
        const y = this.series.priceToCoordinate(refusal.price);
        context.beginPath();
        context.moveTo(x, y - HALF);
        context.lineTo(x + HALF, y);
        context.lineTo(x, y + HALF);
        context.lineTo(x - HALF, y);
        context.closePath();
        context.stroke();
      }
    });
  }
}
