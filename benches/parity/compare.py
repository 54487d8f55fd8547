"""Whether two lists of returns ({"env", "returns"}, JSON files) have the same mean: compare.py HERE GYMNASIUM."""

import json
import math
import sys

here, there = [json.load(open(path)) for path in sys.argv[1:3]]
assert here["env"] == there["env"], "two environments"


def mean_and_error(returns):
    n, mean = len(returns), sum(returns) / len(returns)
    variance = sum((x - mean) ** 2 for x in returns) / (n - 1)
    return mean, math.sqrt(variance / n)


(a, error_a), (b, error_b) = mean_and_error(here["returns"]), mean_and_error(there["returns"])
interval = 1.96 * math.hypot(error_a, error_b)
verdict = "within" if abs(a - b) <= interval else "OUTSIDE"
print(f"{here['env']}: here {a:.1f} ± {1.96 * error_a:.1f} ({len(here['returns'])} episodes), "
      f"Gymnasium {b:.1f} ± {1.96 * error_b:.1f} ({len(there['returns'])}); "
      f"difference {a - b:+.1f}, {verdict} its 95 % interval of ± {interval:.1f}")
sys.exit(verdict != "within")
