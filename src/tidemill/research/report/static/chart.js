// The result chart: candles with trades, volume, equity against the benchmark, drawdown; one time axis, one crosshair.
// `library` is the chart library, handed in so that this file runs in the report and in the application alike.

import { clock, compact, fixed } from "./format.js";
import { MarkLayer } from "./marklayer.js";
import { TradeLayer } from "./tradelayer.js";

const PANES = [0.58, 0.12, 0.17, 0.13];
const INDICATOR_PANE = 0.13;
const ROOM_BARS = 60;
const TABLE_ROWS = 500;

export class ResultChart {
  constructor(library, host, theme, currency) {
    this.library = library;
    this.host = host;
    this.currency = currency;
    this.lines = [];
    this.layer = new TradeLayer();
    this.marks = new MarkLayer();
    this.chart = library.createChart(host, {
      autoSize: true,
      localization: { locale: "en-US", timeFormatter: (time) => this.#time(time) },
      crosshair: { mode: library.CrosshairMode.Normal },
      timeScale: { minBarSpacing: 0.001, rightOffset: 4, timeVisible: true, borderVisible: false },
      rightPriceScale: { borderVisible: false, minimumWidth: 76 },
    });
    this.#addSeries();
    this.setTheme(theme);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.#noteRange());
    this.chart.subscribeCrosshairMove((point) => this.onPoint?.(this.#index(point.logical)));
  }

  #addSeries() {
    const { CandlestickSeries, HistogramSeries, LineSeries, AreaSeries } = this.library;
    const quiet = { priceLineVisible: false, lastValueVisible: false };
    const money = { type: "custom", minMove: 0.01, formatter: (value) => fixed(value, 0) };
    const percent = { type: "custom", minMove: 0.01, formatter: (value) => fixed(value, 2) + " %" };
    this.candles = this.chart.addSeries(CandlestickSeries, { ...quiet, borderVisible: false }, 0);
    this.volume = this.chart.addSeries(HistogramSeries, {
      ...quiet, priceFormat: { type: "custom", minMove: 1e-8, formatter: compact },
    }, 1);
    this.benchmark = this.chart.addSeries(LineSeries, {
      ...quiet, priceFormat: money, lineWidth: 1, lineStyle: 2, crosshairMarkerVisible: false,
    }, 2);
    this.equity = this.chart.addSeries(LineSeries, { ...quiet, priceFormat: money, lineWidth: 2 }, 2);
    this.drawdown = this.chart.addSeries(AreaSeries, { ...quiet, priceFormat: percent, lineWidth: 1, invertFilledArea: true }, 3);
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.1, bottom: 0 } });
    this.equity.priceScale().applyOptions({ scaleMargins: { top: 0.14, bottom: 0.08 } });
    this.drawdown.priceScale().applyOptions({ scaleMargins: { top: 0.02, bottom: 0.1 } });
    this.#stretch();
    this.candles.attachPrimitive(this.marks);
    this.candles.attachPrimitive(this.layer);
  }

  #stretch() {
    this.chart.panes().forEach((pane, at) => pane.setStretchFactor(PANES[at] ?? INDICATOR_PANE));
  }

  // Indicator lines of the shown instrument: among the prices, or in panes of their own below the account's.
  #showLines(lines, known) {
    for (const line of this.lines) this.chart.removeSeries(line.series);
    const panes = [...new Set(lines.map((line) => line.pane).filter(Boolean))];
    const { decimals } = this.instrument;
    this.lines = lines.map((line) => {
      const options = {
        priceLineVisible: false, lastValueVisible: false, lineWidth: 1, crosshairMarkerVisible: false,
        priceFormat: { type: "custom", minMove: 10 ** -(line.pane ? 6 : decimals), formatter: (value) => fixed(value, line.pane ? 2 : decimals) },
        // a pane's scale follows prices and values, not an outlier among the lines of another
        ...(line.pane ? {} : { autoscaleInfoProvider: () => null }),
      };
      const pane = line.pane ? PANES.length + panes.indexOf(line.pane) : 0;
      const series = this.chart.addSeries(this.library.LineSeries, options, pane);
      series.setData(known(line.values));
      return { ...line, series };
    });
    this.#stretch();
    this.paneLabels = panes;
    this.host.style.setProperty("--more-panes", panes.length);
    this.host.dataset.lines = this.lines.map((line) => line.label).join(" ");
    this.#colourLines();
  }

  #colourLines() {
    this.lines.forEach((line, at) => {
      line.colour = this.theme.lines[at % this.theme.lines.length];
      line.series.applyOptions({ color: line.colour });
    });
  }

  showLines(on) {
    for (const line of this.lines) line.series.applyOptions({ visible: on });
  }

  // Label, colour and value of every line at a bar.
  describeLines(index) {
    return this.lines.map(({ label, colour, pane, values }) => {
      let at = index ?? 0;
      while (at > 0 && Number.isNaN(values[at]) && index - at < 64) at -= 1;
      return { label, colour, value: fixed(values[at], pane ? 4 : this.instrument.decimals) };
    });
  }

  // One instrument: bars, its time axis, the account's curves on it, the benchmark's value per bar, indicator lines, and
  // what lies around: refused entries, missing bars, stretches outside regular hours.
  show({ instrument, bars, timeline, curve, benchmark, lines, refusals, outside, gaps }) {
    Object.assign(this, { instrument, bars, timeline, curve });
    const axis = timeline.axis;
    const rows = (make) => Array.from(axis, make);
    const known = (values) => rows((time, i) => ({ time, value: values[i] })).filter((row) => !Number.isNaN(row.value));
    const minMove = 10 ** -instrument.decimals;
    this.chart.applyOptions({ timeScale: { timeVisible: !instrument.daily } });
    this.candles.applyOptions({
      priceFormat: { type: "custom", minMove, formatter: (value) => fixed(value, instrument.decimals) },
    });
    this.candles.setData(rows((time, i) => (
      { time, open: bars.open[i], high: bars.high[i], low: bars.low[i], close: bars.close[i] })));
    this.volume.setData(rows((time, i) => ({ time, value: bars.volume[i] })));
    this.equity.setData(known(curve.value));
    this.drawdown.setData(known(curve.drawdown));
    this.benchmark.setData(known(benchmark));
    this.#showLines(lines, known);
    this.marks.show({ breaks: timeline.breaks, refusals, outside, gaps });
    const last = axis.length - 1;
    Object.assign(this.host.dataset, {
      bars: axis.length, symbol: instrument.symbol, gaps: gaps.length, outside: outside.length,
    });
    if (last >= 0) Object.assign(this.host.dataset, { lastClose: bars.close[last], lastTime: timeline.times[last] });
    this.fit();
  }

  setTrades(trades, selected) {
    this.layer.show(trades, selected);
    this.host.dataset.markers = trades.length * 2;
    this.host.dataset.selected = selected ? selected.number : "";
  }

  setTheme(theme) {
    this.theme = theme;
    this.#colourLines();
    this.chart.applyOptions({
      layout: {
        background: { color: theme.background }, textColor: theme.muted, fontFamily: theme.font, fontSize: 11,
        attributionLogo: false, panes: { separatorColor: theme.line, separatorHoverColor: theme.shade },
      },
      grid: { vertLines: { color: theme.grid }, horzLines: { color: theme.grid } },
      crosshair: {
        vertLine: { color: theme.muted, labelBackgroundColor: theme.label },
        horzLine: { color: theme.muted, labelBackgroundColor: theme.label },
      },
    });
    this.candles.applyOptions({
      upColor: theme.gain, downColor: theme.loss, wickUpColor: theme.gain, wickDownColor: theme.loss,
    });
    this.volume.applyOptions({ color: theme.volume });
    this.equity.applyOptions({ color: theme.gain });
    this.benchmark.applyOptions({ color: theme.muted });
    this.drawdown.applyOptions({ lineColor: theme.loss, topColor: theme.lossFill, bottomColor: theme.lossFill });
    this.layer.setTheme(theme);
    this.marks.set({ theme });
    this.host.dataset.theme = theme.name;
  }

  showRefused(on) {
    this.marks.set({ refused: on });
    this.host.dataset.refused = String(on ? this.marks.refusals.length : 0);
  }

  setLogarithmic(on) {
    this.equity.priceScale().applyOptions({ mode: on ? 1 : 0 });
  }

  fit() {
    this.chart.timeScale().fitContent();
  }

  // Centres one trade with room on both sides.
  focus(trade) {
    const from = trade.entryBar - ROOM_BARS;
    const to = Math.max(trade.exitBar + ROOM_BARS, from + 20);
    this.chart.timeScale().setVisibleLogicalRange({ from, to });
  }

  // The last `seconds` of the data; null shows all.
  showLast(seconds) {
    const times = this.timeline.times;
    if (seconds === null || times.length === 0) return this.fit();
    const from = this.timeline.barAt(times[times.length - 1] - seconds);
    this.chart.timeScale().setVisibleLogicalRange({ from, to: times.length + 2 });
  }

  zoom(factor) {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return;
    const middle = (range.from + range.to) / 2;
    const half = Math.max(5, ((range.to - range.from) / 2) * factor);
    this.chart.timeScale().setVisibleLogicalRange({ from: middle - half, to: middle + half });
  }

  pan(share) {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return;
    const shift = (range.to - range.from) * share;
    this.chart.timeScale().setVisibleLogicalRange({ from: range.from + shift, to: range.to + shift });
  }

  // The bars in view, as text, for the table view.
  table() {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const from = Math.max(0, Math.ceil(range ? range.from : 0));
    const to = Math.min(this.timeline.times.length, Math.floor(range ? range.to : 0) + 1);
    const rows = [];
    for (let i = from; i < Math.min(to, from + TABLE_ROWS); i++) rows.push(this.describe(i));
    return { rows, total: Math.max(0, to - from) };
  }

  describe(index) {
    const { bars, curve, instrument } = this;
    const price = (name) => fixed(bars[name][index], instrument.decimals);
    return {
      time: this.#time(this.timeline.axis[index]),
      open: price("open"), high: price("high"), low: price("low"), close: price("close"),
      volume: compact(bars.volume[index]),
      equity: fixed(curve.value[index], 2),
      drawdown: Number.isNaN(curve.drawdown[index]) ? fixed(null) : fixed(curve.drawdown[index], 2) + " %",
    };
  }

  paneTops() {
    let top = 0;
    return this.chart.panes().map((pane) => {
      const here = top;
      top += pane.getHeight() + 1;
      return here;
    });
  }

  #time(axisTime) {
    const { daily } = this.instrument;
    return clock(axisTime, daily) + (daily ? "" : " " + this.timeline.zone);
  }

  #index(logical) {
    const count = this.timeline?.times.length ?? 0;
    const index = logical === undefined || logical === null ? count - 1 : Math.round(logical);
    return index >= 0 && index < count ? index : null;
  }

  #noteRange() {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range || !this.timeline) return;
    const last = this.timeline.times.length - 1;
    const clip = (index) => Math.min(last, Math.max(0, Math.round(index)));
    const iso = (index) => new Date(this.timeline.times[clip(index)] * 1000).toISOString();
    this.host.dataset.range = last < 0 ? "" : iso(range.from) + "/" + iso(range.to);
    this.onRange?.();
  }
}
