"""The page of definitions is made from the code; run this file to write it anew."""

from __future__ import annotations

from pathlib import Path

from tidemill.research.metrics import DEFINITIONS, SECTIONS, UNITS

PAGE = Path(__file__).resolve().parents[4] / "docs" / "concepts" / "metrics.md"

HEAD = """# Metrics

Every figure Tidemill prints has one definition, the one on this page and in the report's tooltips.

- Equity is read once per trading day at the session close, whatever the bar size: `E_t`, with unrealised profit and
  all fees. The starting cash is `E_0`. Daily return: `r_t = (E_t - F_t) / E_(t-1) - 1`, where `F_t` is money paid in
  or out. Dividends are income and count as return.
- `q` is the number of sessions per year of the traded calendar, `rf` the risk-free rate (per period
  `(1 + rf)^(1/q) - 1`), `b` the benchmark's return, `SR` the Sharpe ratio of one period, `g3` skew, `g4` raw kurtosis,
  `n` the number of daily returns. Sample standard deviations divide by `n - 1`.
- `Phi` is the normal distribution function and `PhiInv` its inverse.
- A figure without a value says why in `notes`: nothing is ever shown as infinite. Figures per year that compound are
  hidden under 90 days.
- Units: money in the account currency; pct 0-100; ratio as it is (0.01 is one percent); days are calendar days,
  sessions trading days. Losses, drawdowns and values at risk are negative.

"""


def page() -> str:
    """Return the page as it should be."""
    parts = [HEAD]
    for section, keys in SECTIONS.items():
        rows = "".join(f"| `{key}` | {UNITS[key]} | {DEFINITIONS[key].replace('|', chr(92) + '|')} |\n" for key in keys)
        parts.append(f"## {section}\n\n| key | unit | definition |\n|---|---|---|\n{rows}\n")
    return "".join(parts).rstrip() + "\n"


def test_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), f"run python {Path(__file__).name} to write the page anew"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
