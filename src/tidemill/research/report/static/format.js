// Numbers and times as text. Missing is an em dash, minus is U+2212, figures are grouped in threes.

export const DASH = "\u2014";

export function fixed(value, decimals) {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  const text = Math.abs(value).toFixed(decimals);
  const [whole, fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const sign = value < 0 && Number(text) !== 0 ? "\u2212" : "";
  return sign + grouped + (fraction ? "." + fraction : "");
}

export function signed(value, decimals) {
  const text = fixed(value, decimals);
  return value > 0 && Number(value.toFixed(decimals)) !== 0 ? "+" + text : text;
}

export function quantity(value) {
  if (Number.isInteger(value)) return fixed(value, 0);
  return fixed(value, 8).replace(/0+$/, "").replace(/\.$/, "");
}

export function compact(value) {
  if (Math.abs(value) >= 1e6) return fixed(value / 1e6, 2) + "M";
  if (Math.abs(value) >= 1e4) return fixed(value / 1e3, 1) + "k";
  if (Math.abs(value) >= 100) return fixed(value, 0);
  return quantity(Number(value.toFixed(4)));
}

// `shifted` is a second count whose UTC reading is the exchange's clock.
export function clock(shifted, daily) {
  const text = new Date(shifted * 1000).toISOString();
  return daily ? text.slice(0, 10) : text.slice(0, 10) + " " + text.slice(11, 16);
}
