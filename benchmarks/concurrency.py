"""The number of requests at once that is found, against the best fixed number, on simulated servers.

Each server turns calls away beyond its room, queues them, shares itself out among them, gets slower than that, or
batches; some change in the middle, warm up, fail, or have short and long requests mixed. The run uses the real pacing
(`vlm/pace.py`, `vlm/throttle.py`, `vlm/concurrency.py`) on a clock that jumps from event to event, so it is the same on
every machine. The best fixed number is known from how the server was made. The start and the trying count: the
throughput is that of the whole run, of 80 rounds of the server's room and 3,000 requests at least.

    python benchmarks/concurrency.py [--servers 40] [--seed 1000]
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from loaded_servers import best_fixed, drawn, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=40, help="number of servers to draw")
    parser.add_argument("--seed", type=int, default=1000, help="of the first server, counted up from there")
    options = parser.parse_args()
    columns = "{:<58} {:>10} {:>9} {:>7} {:>7} {:>11} {:>5}"
    print(columns.format("server", "best fixed", "a second", "found", "share", "turned away", "lost"))
    shares, lost = [], 0
    for seed in range(options.seed, options.seed + options.servers):
        shape = drawn(seed)
        number, best = best_fixed(shape, seed)
        ours = run(shape, seed)
        share = ours.per_second / best.per_second
        shares.append(share)
        lost += ours.lost
        print(
            columns.format(
                shape.name, number, f"{best.per_second:.2f}", ours.settled, f"{share:.1%}", ours.turned_away, ours.lost
            ),
            flush=True,
        )
    tenths = statistics.quantiles(shares, n=10)
    print(
        f"\nof the best fixed number's throughput: lowest {min(shares):.1%}, a tenth under {tenths[0]:.1%},"
        f" median {statistics.median(shares):.1%}; {sum(share >= 0.95 for share in shares)} of {len(shares)} servers at"
        f" 95 % or more; {lost} texts lost"
    )


if __name__ == "__main__":
    main()
