"""`python -m sim`: n seeds, one seed, every single point, or every mutant."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from sim import corpus, exhaustive, mutation_testing
from sim.run import CHARGES_PER_SUB_YEAR, Result, run
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
    "mails_left_out",
    "payments_skipped",
    "cards_kept",
    "cards_removed",
    "cards_renewed",
    "cards_updated",
    "subscription_cancel_pending",
    "subscription_cancelled",
    "subscription_completed",
)


def main(arguments: list[str]) -> int:
    """0 if nothing was violated."""
    options = _options(arguments)
    gc.freeze()
    if options.exhaustive:
        return exhaustive.main()
    if options.mutants:
        return mutation_testing.main(options.seeds)
    if options.corpus:
        return _simulate(corpus.seeds())
    if options.seed is not None:
        return _simulate([options.seed])
    start = options.seed_from if options.seed_from is not None else _fresh()
    print(f"seeds {start} to {start + options.seeds - 1}")
    return _simulate(range(start, start + options.seeds))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=40, help="how many seeds")
    parser.add_argument("--seed-from", type=int, help="the first of them (else a fresh one)")
    parser.add_argument("--seed", type=int, help="replay one seed")
    parser.add_argument("--corpus", action="store_true", help="replay all seeds that ever failed")
    parser.add_argument("--exhaustive", action="store_true", help="fail at every single port call")
    parser.add_argument("--mutants", action="store_true", help="take away each guard in turn")
    return parser.parse_args(arguments)


def _fresh() -> int:
    return time.time_ns() // 1_000_000


def _results(seeds: Sequence[int]) -> Iterator[Result]:
    """Of each seed, in order; a processor has a seed of its own, since none knows of another."""
    if len(seeds) == 1:
        yield run(seeds[0])
        return
    with ProcessPoolExecutor(min(len(seeds), os.cpu_count() or 1)) as pool:
        try:
            yield from pool.map(run, seeds)
        finally:
            pool.shutdown(cancel_futures=True)


def _simulate(seeds: Sequence[int]) -> int:
    charges = events = 0
    tally, busy = Counter[str](), Counter[int]()
    failed: Result | None = None
    for result in _results(seeds):
        charges += result.charges
        events += result.events
        busy[result.process] += result.microseconds
        tally += result.tally
        if result.violation is not None:
            failed = result
            break
    seconds = max(busy.values(), default=0) / SECOND  # side by side: the process that took longest
    if failed is not None:
        print(trace(shrink(failed)))
        print(f"replay: python -m sim --seed {failed.seed}  (and add it to {_short(corpus.FILE)})")
    print("mix: " + ", ".join(f"{name} {tally[name]}" for name in MIX))
    print(
        f"charges={charges} sub_years={charges / CHARGES_PER_SUB_YEAR:.1f} events={events}"
        f" seconds={seconds:.2f} violations={int(failed is not None)}"
    )
    return int(failed is not None)


def _short(path: Path) -> str:
    return "/".join(path.parts[-2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
