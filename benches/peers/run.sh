#!/usr/bin/env bash
# The same task in slm-lab and in Stable-Baselines3, with the same settings, on one core, in turns.
#
#   benches/peers/run.sh ppo     CartPole, `ppo_cartpole_arc`; also what is run without a word
#   benches/peers/run.sh dqn     CartPole, `dqn_boltzmann_cartpole_arc`, one gradient step a frame
#   benches/peers/run.sh sac     Pendulum, `sac_pendulum_arc`, 256x256, batches of 256, one update a frame
#
# Variables, with what they are where not given:
#   ROUNDS=3       how often each side runs; medians are compared
#   SB3_FRAMES, LAB_FRAMES   frames that each side trains for: 40960 and 200000 for ppo, less for the others
#   SECONDS_EACH=10                       how long `slm-lab bench` measures
#   CORE=0         core that both are pinned to, where `taskset` exists
#   PYTHON=        an interpreter that has stable-baselines3; else a virtual environment is made in benches/peers/.venv
#   SLM_LAB=       a program to measure; else the release build of this repository
set -euo pipefail
cd "$(dirname "$0")/../.."

ROUNDS=${ROUNDS:-3}
SECONDS_EACH=${SECONDS_EACH:-10}
case ${1:-ppo} in
  ppo)
    spec=(benchmark_arc/ppo/ppo_classic_arc.yaml ppo_cartpole_arc)
    peer=sb3_ppo_cartpole.py frames=(40960 200000)
    ;;
  dqn)
    spec=(benchmark_arc/dqn/dqn_classic_arc.yaml dqn_boltzmann_cartpole_arc)
    peer=sb3_dqn_cartpole.py frames=(8192 50000)
    ;;
  sac)
    spec=(benchmark_arc/sac/sac_classic_arc.yaml sac_pendulum_arc)
    peer=sb3_sac_pendulum.py frames=(2048 4096)
    ;;
  *)
    echo "no task is called $1; there are ppo, dqn and sac" >&2
    exit 2
    ;;
esac
SB3_FRAMES=${SB3_FRAMES:-${frames[0]}}
LAB_FRAMES=${LAB_FRAMES:-${frames[1]}}

if [ -z "${PYTHON:-}" ]; then
  venv=benches/peers/.venv
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet stable-baselines3==2.9.0 gymnasium==1.4.0
  PYTHON=$venv/bin/python
fi
if [ -z "${SLM_LAB:-}" ]; then
  cargo build --release --locked
  SLM_LAB=${CARGO_TARGET_DIR:-target}/release/slm-lab
fi
pin=()
if command -v taskset >/dev/null; then pin=(taskset -c "${CORE:-0}"); else echo "no taskset: not pinned"; fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Frames per second of learning alone, as SB3's script reports them.
sb3() {
  "${pin[@]}" "$PYTHON" "benches/peers/$peer" "$SB3_FRAMES" | sed -n 's/^sb3 .* fps //p'
}

# Frames per second of learning alone: no files, no process start.
bench() {
  "${pin[@]}" "$SLM_LAB" bench "${spec[@]}" --threads 1 --seconds "$SECONDS_EACH" --json "$scratch/bench.json" >/dev/null
  "$PYTHON" -c 'import json, sys
training = json.load(open(sys.argv[1]))["specs"][0]["training"]
print(round(training["train_frames_per_second"]["median"]))' "$scratch/bench.json"
}

# Frames per second of the whole program: start, logs, checkpoints, evaluation, metrics, graphs.
whole() {
  local start end
  start=$(date +%s%N)
  "${pin[@]}" "$SLM_LAB" "${spec[@]}" dev --threads 1 -s env.max_frame="$LAB_FRAMES" --seed 1 --log-level ERROR \
    --data-dir "$scratch/data" >/dev/null 2>&1
  end=$(date +%s%N)
  echo $((LAB_FRAMES * 1000000000 / (end - start)))
}

median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / b }'; }

sb3_fps=() bench_fps=() whole_fps=()
echo "round  sb3 fps  slm-lab fps  slm-lab whole program fps"
for ((round = 1; round <= ROUNDS; round++)); do
  sb3_fps+=("$(sb3)")
  bench_fps+=("$(bench)")
  whole_fps+=("$(whole)")
  printf '%5d  %7s  %11s  %25s\n' "$round" "${sb3_fps[-1]}" "${bench_fps[-1]}" "${whole_fps[-1]}"
done
sb3_median=$(median "${sb3_fps[@]}")
bench_median=$(median "${bench_fps[@]}")
whole_median=$(median "${whole_fps[@]}")
echo "ratio of medians, slm-lab to sb3: $(ratio "$bench_median" "$sb3_median") learning," \
  "$(ratio "$whole_median" "$sb3_median") whole program (sb3 without its start)"
