// One instrument's time axis: bar starts, the exchange's clock, and which bar an instant falls into.

// Index of the last value <= wanted, or -1.
export function lastAtOrBefore(values, wanted) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export function makeTimeline(instrument, times) {
  const offsets = instrument.offsets;
  const changes = offsets.map((row) => row[0]);
  const offsetAt = (second) => {
    const row = offsets[Math.max(0, lastAtOrBefore(changes, second))];
    return row ? row[1] : 0;
  };
  const local = (second) => {
    const shifted = second + offsetAt(second);
    return instrument.daily ? Math.floor((shifted - instrument.rollSeconds) / 86400) * 86400 : shifted;
  };
  const axis = new Float64Array(times.length);
  let ascending = true;
  for (let i = 0; i < times.length; i++) {
    axis[i] = local(times[i]);
    if (i > 0 && axis[i] <= axis[i - 1]) ascending = false;
  }
  const day = (shifted) => Math.floor((shifted - instrument.rollSeconds) / 86400);
  const breaks = [];
  for (let i = 1; i < times.length && !instrument.daily; i++) if (day(axis[i]) !== day(axis[i - 1])) breaks.push(i);
  // The repeated hour of autumn would run backwards on the axis: such a market is shown in UTC.
  if (!ascending) axis.set(times);
  return {
    times,
    axis,
    breaks,
    zone: ascending ? instrument.zone : "UTC",
    local: ascending ? local : (second) => second,
    clockOf: (second) => second + (ascending ? offsetAt(second) : 0),
    barAt: (second) => Math.max(0, lastAtOrBefore(times, second)),
  };
}

// The bar a fill belongs to. A fill stamped on a bar's start may have closed the bar before: its price tells.
export function fillBar(timeline, bars, second, price) {
  const at = timeline.barAt(second);
  const inside = (index) => price >= bars.low[index] && price <= bars.high[index];
  if (at > 0 && timeline.times[at] === second && !inside(at) && inside(at - 1)) return at - 1;
  return at;
}

// Benchmark points {time, value} as a value for every bar: what was last known when the bar ended.
export function benchmarkOnBars(timeline, points) {
  const count = timeline.times.length;
  const value = new Float64Array(count).fill(NaN);
  for (const point of points) {
    const from = Math.max(0, lastAtOrBefore(timeline.times, point.time - 1));
    value[from] = point.value;
  }
  for (let i = 1; i < count; i++) if (Number.isNaN(value[i])) value[i] = value[i - 1];
  return value;
}

// Account curves on the bars of the shown instrument: equity at each bar's end, the deepest drawdown within it.
// A stamp is the end of a bar, so it belongs to the bar that started before it.
export function curveOnBars(timeline, equity) {
  const count = timeline.times.length;
  const value = new Float64Array(count).fill(NaN);
  const drawdown = new Float64Array(count).fill(NaN);
  let bar = 0;
  for (let i = 0; i < equity.time.length; i++) {
    while (bar + 1 < count && timeline.times[bar + 1] < equity.time[i]) bar++;
    const fall = equity.peak[i] > 0 ? (equity.value[i] / equity.peak[i] - 1) * 100 : 0;
    value[bar] = equity.value[i];
    drawdown[bar] = Number.isNaN(drawdown[bar]) ? fall : Math.min(drawdown[bar], fall);
  }
  return { value, drawdown };
}
