// Reads packed columns (see encode.py): base64 -> inflate -> zig-zag variable-length integers -> numbers.

async function inflate(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Steps may pass 2^32, so they are built by multiplication: bit operators would cut them to 32 bits.
function readVarints(bytes, count) {
  const out = new Float64Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    let value = 0;
    let scale = 1;
    let byte;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    out[i] = value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
  return out;
}

export async function unpackSteps(column) {
  const steps = readVarints(await inflate(column.data), column.n);
  if (column.delta) {
    let total = column.base;
    for (let i = 0; i < steps.length; i++) steps[i] = total += steps[i];
  }
  return steps;
}

export async function unpackNumbers(column) {
  const steps = await unpackSteps(column);
  for (let i = 0; i < steps.length; i++) steps[i] = (steps[i] * column.num) / column.den;
  return steps;
}

export async function unpackBars(columns) {
  const names = ["gap", "above", "below", "body"];
  const [gap, above, below, body] = await Promise.all(names.map((name) => unpackSteps(columns[name])));
  const [time, volume] = await Promise.all([unpackNumbers(columns.time), unpackNumbers(columns.volume)]);
  const { num, den } = columns.gap;
  const count = gap.length;
  const bars = { time, volume };
  for (const name of ["open", "high", "low", "close"]) bars[name] = new Float64Array(count);
  let close = 0;
  for (let i = 0; i < count; i++) {
    const open = close + gap[i];
    close = open + body[i];
    bars.open[i] = (open * num) / den;
    bars.high[i] = ((Math.max(open, close) + above[i]) * num) / den;
    bars.low[i] = ((Math.min(open, close) - below[i]) * num) / den;
    bars.close[i] = (close * num) / den;
  }
  return bars;
}

// Merges neighbouring bars, `factor` to one: phones draw this first.
export function mergeBars(bars, factor) {
  const count = Math.ceil(bars.time.length / factor);
  const out = {};
  for (const name of Object.keys(bars)) out[name] = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const from = i * factor;
    const to = Math.min(from + factor, bars.time.length);
    out.time[i] = bars.time[from];
    out.open[i] = bars.open[from];
    out.close[i] = bars.close[to - 1];
    out.high[i] = -Infinity;
    out.low[i] = Infinity;
    for (let k = from; k < to; k++) {
      out.high[i] = Math.max(out.high[i], bars.high[k]);
      out.low[i] = Math.min(out.low[i], bars.low[k]);
      out.volume[i] += bars.volume[k];
    }
  }
  return out;
}

// An indicator's values on all bars; a value stands for `every` bars, at the last of them. NaN where there is none.
export async function unpackLine(line, count) {
  const [unknown, known] = await Promise.all([unpackSteps(line.unknown), unpackNumbers(line.values)]);
  const values = new Float64Array(count).fill(NaN);
  let missing = 0;
  let used = 0;
  for (let point = 0; point < known.length + unknown.length; point++) {
    if (unknown[missing] === point) missing += 1;
    else values[Math.min((point + 1) * line.every, count) - 1] = known[used++];
  }
  return values;
}

// The last value of every `factor` bars, for bars merged by the same factor.
export function mergeLine(values, factor) {
  const out = new Float64Array(Math.ceil(values.length / factor)).fill(NaN);
  values.forEach((value, i) => { if (!Number.isNaN(value)) out[Math.floor(i / factor)] = value; });
  return out;
}

// Packed columns of one table as an array of rows.
export async function unpackRows(table) {
  const names = Object.keys(table).filter((name) => name !== "n");
  const columns = await Promise.all(names.map((name) => unpackNumbers(table[name])));
  return Array.from({ length: table.n }, (_, row) => Object.fromEntries(names.map((name, at) => [name, columns[at][row]])));
}

export async function unpackTrips(table) {
  const trips = await unpackRows(table);
  return trips.map((trip, row) => (
    { ...trip, index: row, number: row + 1, r: trip.risk > 0 ? trip.pnl / trip.risk : null }));
}
