"""`python -m sim`: n seeds, one seed, every single point, or every mutant."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from sim import corpus, exhaustive, mutation_testing, record
from sim.calibration import Measured, Speed, measured
from sim.plan import drawn, merchant_years
from sim.run import CHARGES_PER_SUB_YEAR, Result
from sim.shrink import shrink, trace
from sim.virtual_clock import SECOND

MIX = (
    "checkout_paid",
    "checkout_declined",
    "checkout_abandoned",
    "invoice_paid",
    "invoice_retry",
    "invoice_action_required",
    "invoice_uncollectible",
    "invoice_void",
    "refunds",
    "refunds_elsewhere",
    "refunds_sent_back",
    "disputes",
    "disputes_appealed",
    "disputes_lost_in_part",
    "ticket_open",
    "ticket_approved",
    "ticket_declined",
    "subscription_paused",
    "subscription_frozen",
    "changes_of_plan",
    "asked_to_pay",
    "emails_changed",
    "documents_issued",
    "documents_served",
    "e_invoices",
    "mails_left_out",
    "payments_skipped",
    "coupons_used",
    "coupons_given",
    "payments_lowered",
    "cards_kept",
    "cards_removed",
    "cards_renewed",
    "cards_updated",
    "subscription_cancel_pending",
    "subscription_cancelled",
    "subscription_completed",
)


SELDOM = (50_000, 20, 50)
"""The thresholds of garbage collection: a simulation makes few cycles, and many small objects."""


def main(arguments: list[str]) -> int:
    """0 if nothing was violated."""
    options = _options(arguments)
    gc.freeze()
    gc.set_threshold(*SELDOM)
    if options.exhaustive:
        return exhaustive.main()
    if options.mutants:
        return mutation_testing.main(options.seeds)
    if options.corpus:
        return _simulate(corpus.seeds())
    if options.seed is not None:
        return _simulate([options.seed])
    start = options.seed_from if options.seed_from is not None else record.fresh_seed()
    seeds = range(start, start + options.seeds)
    if options.merchant_years is not None:
        seeds = _of_merchant_years(start, options.merchant_years)
    print(f"seeds {start} to {seeds[-1]}")
    return _simulate(seeds, recorded=options.record)


def _of_merchant_years(start: int, years: float) -> range:
    """Returns as many seeds as have this many merchant-years together."""
    left, seed = years, start
    while left > 0:
        left -= merchant_years(drawn(seed))
        seed += 1
    return range(start, seed)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=40, help="how many seeds")
    parser.add_argument(
        "--merchant-years", type=float, help="as many seeds as have so many, to check figures"
    )
    parser.add_argument("--seed-from", type=int, help="the first of them (else a fresh one)")
    parser.add_argument("--seed", type=int, help="replay one seed")
    parser.add_argument("--record", action="store_true", help="add fresh seeds to sim/RECORD.md")
    parser.add_argument("--corpus", action="store_true", help="replay all seeds that ever failed")
    parser.add_argument("--exhaustive", action="store_true", help="fail at every single port call")
    parser.add_argument("--mutants", action="store_true", help="take away each guard in turn")
    options = parser.parse_args(arguments)
    if options.record and options.seed_from is not None:
        parser.error("only fresh seeds are recorded")
    if options.record and (changed := record.changed_files()):
        parser.error(f"only what is committed is recorded; changed are {', '.join(changed)}")
    return options


def _results(seeds: Sequence[int]) -> Iterator[Measured]:
    """Of each seed, in order; a processor has a seed of its own, since none knows of another."""
    if len(seeds) == 1:
        yield measured(seeds[0])
        return
    with ProcessPoolExecutor(min(len(seeds), os.cpu_count() or 1)) as pool:
        try:
            yield from pool.map(measured, seeds)
        finally:
            pool.shutdown(cancel_futures=True)


def _simulate(seeds: Sequence[int], *, recorded: bool = False) -> int:
    charges = events = 0
    tally, busy, speed = Counter[str](), Counter[int](), Speed()
    last, failed, years = seeds[0], None, 0.0
    for seed in _results(seeds):
        result = seed.result
        speed.add(seed)
        last = result.seed
        charges += result.charges
        years += merchant_years(drawn(last))
        events += result.events
        busy[result.process] += result.microseconds
        tally += result.tally
        if result.violation is not None:
            failed = result
            break
    seconds = max(busy.values(), default=0) / SECOND  # side by side: the process that took longest
    sub_years = charges / CHARGES_PER_SUB_YEAR
    if recorded:
        record.add(seeds[0], last, sub_years, int(failed is not None))
    if failed is not None:
        _tell(failed)
    print("mix: " + ", ".join(f"{name} {tally[name]}" for name in MIX))
    print(
        f"speed: sub_years_per_cpu_second={speed.per_second(sub_years):.2f}"
        f" sub_years_per_unit={speed.per_unit(sub_years):.2f}"
    )
    print(
        f"figures: merchant_years={years:.1f} checked={tally['figures_checked']}"
        f" rebuilt={tally['figures_rebuilt']} violations={int(failed is not None)}"
    )
    print(
        f"charges={charges} sub_years={sub_years:.1f} events={events}"
        f" seconds={seconds:.2f} violations={int(failed is not None)}"
    )
    return int(failed is not None)


def _tell(failed: Result) -> None:
    print(trace(shrink(failed)))
    print(f"replay: python -m sim --seed {failed.seed}  (and add it to {_short(corpus.FILE)})")


def _short(path: Path) -> str:
    return "/".join(path.parts[-2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
