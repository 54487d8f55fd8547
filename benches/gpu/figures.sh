# shellcheck shell=bash
# What the report on graphics cards reads out of files and makes of numbers, with a test of it.

# Exact permutation test of two files of numbers, one a line: prints both means and standard deviations, and p, the share of
# the ways to deal all numbers out to two groups of these sizes whose means differ at least as much as here.
# shellcheck disable=SC2016
PERMUTATION='
  FNR == 1 { files++ }
  { x[++n] = $1 + 0; sum += $1; if (files == 1) { a++; sum_a += $1 } }
  function sd(from, to, mean,   i, squares) {
    for (i = from; i <= to; i++) squares += (x[i] - mean) ^ 2
    return to > from ? sqrt(squares / (to - from)) : 0
  }
  function gap(part) { part = part / a - (sum - part) / (n - a); return part < 0 ? -part : part }
  END {
    if (a < 1 || a == n) exit 1
    mean_a = sum_a / a; mean_b = (sum - sum_a) / (n - a); seen = gap(sum_a) * (1 - 1e-9)
    for (i = 1; i <= a; i++) pick[i] = i
    do {
      part = 0; for (i = 1; i <= a; i++) part += x[pick[i]]
      ways++; if (gap(part) >= seen) far++
      for (i = a; i > 0 && pick[i] == n - a + i; i--);
      if (i) for (pick[i]++; i < a; i++) pick[i + 1] = pick[i] + 1; else break
    } while (1)
    printf "%.2f %.2f %.2f %.2f %.4f\n", mean_a, sd(1, a, mean_a), mean_b, sd(a + 1, n, mean_b), far / ways
  }'
permutation() { awk "$PERMUTATION" "$1" "$2"; }

# Mean and most of the first column of a file `utilization, MiB`, and most of the second; a dash where there is no number.
usage() {
  [ -s "$1" ] || { echo "– – –"; return; }
  awk -F, '$1 ~ /^ *[0-9]/ { n++; sum += $1; if ($1 + 0 > most) most = $1 + 0 } $2 + 0 > memory { memory = $2 + 0 }
    END { print n ? sprintf("%.0f %.0f", sum / n, most) : "– –", memory ? memory : "–" }' "$1"
}

# A number of a JSON file, by the name of its key, or by those of its object and of its key.
number() { # file, key [key]
  awk -v first="\"$2\":" -v last="\"${3:-$2}\":" 'index($0, first) { inside = 1 }
    inside && index($0, last) { sub(/.*: */, ""); sub(/,$/, ""); if (/^-?[0-9]/) print; exit }' "$1"
}

# A column of the last row of a CSV file.
last() { awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) k = i } END { print $k }' "$1"; }

# Whether the first number is at least the second.
at_least() { awk -v x="$1" -v y="$2" 'BEGIN { exit !(x != "" && x + 0 >= y + 0) }'; }

self_test() {
  local work
  work=$(mktemp -d)
  expect() { [ "$2" = "$3" ] || { echo "self-test: $1: expected '$2', found '$3'" >&2; rm -rf "$work"; exit 1; }; }
  # 20 ways to halve 1 to 6; 3 apart are the means only of 1 2 3 | 4 5 6 and its mirror image: 2/20.
  printf '%s\n' 1 2 3 >"$work/a"
  printf '%s\n' 4 5 6 >"$work/b"
  expect "groups apart" "2.00 1.00 5.00 1.00 0.1000" "$(permutation "$work/a" "$work/b")"
  # Pairs of 1 2 | 2 3 sum to 3 3 4 4 5 5, the rest to what is left of 8: four of six means are 1 or more apart.
  printf '%s\n' 1 2 >"$work/a"
  printf '%s\n' 2 3 >"$work/b"
  expect "groups that overlap" "1.50 0.71 2.50 0.71 0.6667" "$(permutation "$work/a" "$work/b")"
  expect "equal groups" "1.50 0.71 1.50 0.71 1.0000" "$(permutation "$work/a" "$work/a")"
  # 12870 ways to halve 16; the two sorted ones are the farthest apart: 2/12870 = 0.00016.
  seq 1 8 >"$work/a"
  seq 9 16 >"$work/b"
  expect "eight and eight" "4.50 2.45 12.50 2.45 0.0002" "$(permutation "$work/a" "$work/b")"
  printf '%s\n' '10, 500' '90, 800' '[N/A], 700' >"$work/gpu"
  expect "usage" "50 90 800" "$(usage "$work/gpu")"
  printf '%s\n' '[N/A], 700' >"$work/gpu"
  expect "memory alone" "– – 700" "$(usage "$work/gpu")"
  expect "usage of nothing" "– – –" "$(usage "$work/none")"
  printf '%s\n' '{' '"seconds": 2.5,' '"rate": {' '"median": 1.5e3,' '"min": null' '}' '}' >"$work/json"
  expect "numbers" "2.5 1.5e3 " "$(number "$work/json" seconds) $(number "$work/json" rate median) $(number "$work/json" rate min)"
  printf '%s\n' 'loss,frame' '0.5,100' '0.25,200' >"$work/csv"
  expect "last row" "200" "$(last "$work/csv" frame)"
  rm -rf "$work"
  echo "self-test: passed"
}
