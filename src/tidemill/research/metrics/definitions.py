"""The one definition of every metric: key, unit and a sentence with formula and source, used for tooltips."""

from __future__ import annotations

__all__ = ["DEFINITIONS", "SECTIONS", "UNITS"]

# One entry per metric, continued on indented lines: key | unit | definition. Units: money (account currency),
# pct (0-100), ratio, count, days (calendar), sessions (trading days), seconds, text.
_RESULT = """
start_equity | money | Cash the run began with, E_0.
final_equity | money | Cash and positions at the last session close, E_T, with unrealised profit and all fees.
net_profit | money | E_T - E_0 - deposits + withdrawals, after all costs; dividends are part of it.
total_return_pct | pct | Product of (1 + r_t) - 1, with r_t = (E_t - F_t) / E_(t-1) - 1 at session closes and F_t
  deposits less withdrawals; dividends count as return.
cagr_pct | pct | Compound growth per calendar year: growth ^ (1 / years) - 1, a year being 365.25 days; hidden under
  90 days.
"""
_RISK = """
volatility_pct | pct | Standard deviation of daily returns (ddof 1) times the square root of periods_per_year.
sharpe | ratio | mean(r - rf) / std(r - rf) * sqrt(q), always from daily returns (Sharpe 1994).
sharpe_ci_low | ratio | Lower end of the 95 % interval of the Sharpe ratio; error sqrt((1 - g3 SR + (g4 - 1) / 4 SR^2)
  / (n - 1)) (Lo 2002, Mertens 2002).
sharpe_ci_high | ratio | Upper end of the same 95 % interval of the Sharpe ratio (Lo 2002, Mertens 2002).
sortino | ratio | mean(r - rf) / sqrt(mean(min(r - rf, 0)^2)) * sqrt(q), the mean taken over all n days (Sortino & van
  der Meer 1991).
omega | ratio | Sum of returns above the risk-free rate over the sum of shortfalls below it, daily (Keating & Shadwick
  2002).
tail_ratio | ratio | Absolute 95th percentile over absolute 5th percentile of daily returns.
skew | ratio | Third standardised population moment of daily returns; negative means the large days are losses.
kurtosis | ratio | Fourth standardised population moment of daily returns, raw: 3 for a normal distribution.
var_95 | ratio | Daily return undercut on 5 % of the days: 5th percentile of history, negative for a loss, horizon one
  day.
cvar_95 | ratio | Mean of the worst 5 % of the daily returns, horizon one day (Rockafellar & Uryasev 2000).
var_99 | ratio | Daily return undercut on 1 % of the days: 1st percentile of history, negative for a loss, horizon one
  day.
cvar_99 | ratio | Mean of the worst 1 % of the daily returns, horizon one day (Rockafellar & Uryasev 2000).
"""
_DRAWDOWN = """
max_drawdown_pct | pct | Deepest fall from the highest close so far, start included: min(E_t / max(E_0 .. E_t) - 1).
max_drawdown_intrabar_pct | pct | The same fall if every open position had stood at its bar's worst price, from the
  highest mark before it.
max_drawdown_days | days | Days from the peak before the deepest drawdown to the next new high, or to the last day
  while open.
longest_drawdown_days | days | Longest time from a peak to the next new high, or to the last day while open.
recovery_days | days | Days from the bottom of the deepest drawdown to the next new high.
recovery_factor | ratio | Total return over the absolute maximum drawdown.
calmar | ratio | CAGR over absolute maximum drawdown of the last 36 months (Young 1991); hidden under 90 days.
mar | ratio | CAGR over absolute maximum drawdown of the whole run; hidden under 90 days.
ulcer_index | pct | Root mean square of the drawdowns in percent, over all closes and the start (Martin & McCann 1989).
upi | ratio | Ulcer performance index: (CAGR - rf) in percent over the ulcer index (Martin & McCann 1989); hidden
  under 90 days.
serenity | ratio | (CAGR - rf) / (ulcer * pitfall), pitfall = mean of the 5 % deepest drawdowns / volatility (KeyQuant
  2014); hidden under 90 days.
"""
_EXPOSURE = """
exposure_pct | pct | Time in the market: equity marks with an open position over all marks.
gross_exposure_average_pct | pct | Mean of absolute position values over equity, all marks.
gross_exposure_max_pct | pct | Largest absolute position values over equity at any mark.
net_exposure_average_pct | pct | Mean of long minus short position values over equity, all marks.
net_exposure_max_pct | pct | Long minus short position values over equity at the session close where it was largest in
  size, sign kept.
leverage_average | ratio | Mean of absolute position values over equity while in the market.
leverage_max | ratio | Largest absolute position values over equity at any mark, as a multiple.
"""
_COSTS = """
turnover | ratio | Traded notional over mean equity, per year of q sessions.
fees | money | Commissions and fees of all fills.
fees_share_of_gross | ratio | Fees over the profit before fees (net_profit + fees).
slippage | money | Money lost on all fills against the price that was touched.
capacity | money | Account size at which 95 % of the fills stay within 1 % of their bar's volume: mean equity * 1 % /
  95th percentile of quantity / volume.
"""
_TRADES = """
total_trades | count | Round trips from flat to flat, one still open at the end included at its last mark.
open_trades | count | Round trips still open at the last bar.
wins | count | Round trips with a profit after costs.
losses | count | Round trips with a loss after costs.
breakeven | count | Round trips with a result of exactly zero.
win_rate | ratio | wins / total_trades, breakeven trades in the denominator.
average_win | money | Mean result of the winning trades.
average_loss | money | Mean result of the losing trades, negative.
largest_win | money | Best single round trip.
largest_loss | money | Worst single round trip, negative.
payoff | ratio | Mean win over absolute mean loss.
profit_factor | ratio | Sum of wins over absolute sum of losses, in money, after costs.
expectancy | money | Mean result per round trip after costs.
expectancy_r | ratio | Mean of R = result / initial risk, over trades that had an initial stop.
sqn | ratio | System quality number sqrt(min(n, 100)) * mean(R) / std(R), n capped at 100 (Tharp 2008).
kelly | ratio | Kelly share W - (1 - W) / payoff, W the win rate (Kelly 1956); from the past, not advice.
half_kelly | ratio | Half of the Kelly share; needs at least 100 trades to mean anything, and is not advice.
longest_win_streak | count | Most wins in a row, in order of exit; a breakeven trade ends it.
longest_loss_streak | count | Most losses in a row, in order of exit; a breakeven trade ends it.
mae_average_pct | pct | Mean of the worst move against the entry price while held, in percent of the entry price
  (Sweeney 1996).
mae_median_pct | pct | Median of the worst move against the entry price while held, in percent of the entry price
  (Sweeney 1996).
mfe_average_pct | pct | Mean of the best move in favour while held, in percent of the entry price (Sweeney 1996).
mfe_median_pct | pct | Median of the best move in favour while held, in percent of the entry price (Sweeney 1996).
efficiency | ratio | Mean of points captured / (MAE + MFE): 1 sold the best price and bought the worst, -1 the reverse.
average_holding_seconds | seconds | Mean time from entry to exit.
average_holding_bars | count | Mean number of bars held.
long_trades | count | Round trips entered with a buy.
long_net_profit | money | Sum of their results after costs.
long_win_rate | ratio | Their wins over their number.
short_trades | count | Round trips entered with a sale.
short_net_profit | money | Sum of their results after costs.
short_win_rate | ratio | Their wins over their number.
"""
_BENCHMARK = """
benchmark_name | text | What the run is compared with.
benchmark_return_pct | pct | Return of holding the benchmark from the first day's close to the last.
alpha | ratio | Intercept of the least-squares line of r - rf on b - rf, times q (Jensen 1968).
beta | ratio | Slope of the least-squares line of r - rf on b - rf.
r2 | ratio | Share of the variance of r - rf that the line on the benchmark explains.
information_ratio | ratio | mean(r - b) / std(r - b) * sqrt(q) (Grinold & Kahn 1999).
tracking_error | ratio | std(r - b) * sqrt(q), per year.
treynor | ratio | mean(r - rf) * q / beta (Treynor 1965).
"""
_CONFIDENCE = """
psr | ratio | Probability that the true Sharpe ratio is above 0: Phi(SR / error), per-period units (Bailey & Lopez de
  Prado 2012).
dsr | ratio | The same against the best ratio luck would give in N trials: s ((1 - g) PhiInv(1 - 1/N) + g PhiInv(1 -
  1/(N e))), g = 0.5772 (Bailey & Lopez de Prado 2014).
trials | count | N: different settings of this strategy tried on these data, from the trial ledger.
trials_sharpe_variance | ratio | s^2: variance (ddof 1) of the per-period Sharpe ratios of those trials.
min_trl | sessions | Minimum track record: 1 + (1 - g3 SR + (g4 - 1) / 4 SR^2) (1.645 / SR)^2 days for 95 % confidence
  of SR > 0 (Bailey & Lopez de Prado 2012).
"""
_BASIS = """
n | sessions | Number of daily returns every ratio is computed from.
periods_per_year | count | q: sessions per year of the traded calendar (252 US stocks and futures, 365 crypto).
rf | ratio | Risk-free rate per year; per period (1 + rf) ^ (1 / q) - 1.
sampling | text | When equity is read for the return series.
notes | text | Key to sentence: why a figure is missing, or what to know about it.
"""


def _rows(block: str) -> list[tuple[str, str, str]]:
    entries = [line.split(" | ") for line in block.replace("\n  ", " ").strip().splitlines()]
    return [(key, unit, text) for key, unit, text in entries]


_BLOCKS = {
    "Result": _RESULT,
    "Risk": _RISK,
    "Drawdown": _DRAWDOWN,
    "Exposure": _EXPOSURE,
    "Costs": _COSTS,
    "Trades": _TRADES,
    "Benchmark": _BENCHMARK,
    "Confidence": _CONFIDENCE,
    "Basis": _BASIS,
}
SECTIONS: dict[str, tuple[str, ...]] = {name: tuple(row[0] for row in _rows(block)) for name, block in _BLOCKS.items()}
UNITS: dict[str, str] = {key: unit for block in _BLOCKS.values() for key, unit, _ in _rows(block)}
DEFINITIONS: dict[str, str] = {key: text for block in _BLOCKS.values() for key, _, text in _rows(block)}
