// Draws what surrounds trades on the price pane: thin lines between sessions, a tint outside regular hours, a band where
// bars are missing, hollow diamonds for refused entries.

const MOST_BREAKS = 80;
const MOST_REFUSALS = 400;
const GAP_PX = 5;
const HALF = 4;

export class MarkLayer {
  constructor() {
    this.breaks = [];
    this.refusals = [];
    this.outside = [];
    this.gaps = [];
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

  // breaks, gaps: bars that begin a session, bars before which others are missing; outside: [first, last] bar of each
  // stretch outside regular hours; refusals: [{bar, price}], by bar.
  show({ breaks, refusals, outside, gaps }) {
    Object.assign(this, { breaks, refusals, outside, gaps });
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
    const x = (bar) => scale.logicalToCoordinate(bar) - half;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      const { height } = mediaSize;
      const range = scale.getVisibleLogicalRange();
      const seen = range ? this.outside.filter(([from, to]) => to >= range.from && from <= range.to) : [];
      context.fillStyle = this.theme.outside;
      for (const [from, to] of seen) context.fillRect(x(from), 0, Math.max(1, x(to + 1) - x(from)), height);
      context.fillStyle = this.theme.gap;
      for (const bar of this.#seen(this.gaps, (row) => row, MOST_REFUSALS)) {
        context.fillRect(x(bar) - GAP_PX / 2, 0, GAP_PX, height);
      }
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
