#!/usr/bin/env bash
# Steps a second of Box2D and MuJoCo environments with random actions, 64 together: slm-lab, EnvPool and Gymnasium, on one core, in turns.
#
#   benches/peers/env_steps.sh
#
# Variables, with what they are where not given:
#   ROUNDS=3       how often each side runs; medians are compared
#   CORE=0         core that all are pinned to, where `taskset` exists
#   PYTHON=        an interpreter that has envpool and gymnasium[box2d,mujoco]; else a virtual environment is made in benches/peers/.venv-envs
#   SLM_LAB=       a program to measure; else the release build of this repository
set -euo pipefail
# Where it is run from, before any change of folder.
[ -z "${PYTHON:-}" ] || PYTHON=$(realpath -s "$(command -v "$PYTHON")")
cd "$(dirname "$0")/../.."

if [ -z "${PYTHON:-}" ]; then
  venv=benches/peers/.venv-envs
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet swig envpool==1.2.5 "gymnasium[box2d,mujoco]==1.4.0" mujoco==3.17.0
  PYTHON=$PWD/$venv/bin/python
fi
if [ -z "${SLM_LAB:-}" ]; then
  cargo build --release --locked
  SLM_LAB=${CARGO_TARGET_DIR:-target}/release/slm-lab
fi
pin=()
if command -v taskset >/dev/null; then pin=(taskset -c "${CORE:-0}"); else echo "no taskset: not pinned"; fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

ours() {
  "${pin[@]}" "$SLM_LAB" bench benchmark_arc/ppo/ppo_box2d_arc.yaml "$1" --threads 1 --seconds 2 --json "$scratch/bench.json" >/dev/null
  "$PYTHON" -c 'import json, sys
print(round(1e9 / json.load(open(sys.argv[1]))["specs"][0]["wide_env_step_ns"]["median"]))' "$scratch/bench.json"
}

# Of the table that `cargo bench` prints, in processor time as with the others.
ours_of_mujoco() {
  [ -f "$scratch/mujoco" ] || "${pin[@]}" cargo bench --quiet --locked -p slm-env-mujoco --bench step >"$scratch/mujoco"
  awk -v env="$1" '$1 == env { print $5 }' "$scratch/mujoco"
}

# In the scratch folder: MuJoCo leaves a log where it runs.
root=$PWD
theirs() {
  (cd "$scratch" && "${pin[@]}" "$PYTHON" "$root/benches/peers/env_steps.py" "$@" 2>/dev/null)
}

median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

compare() {
  local env=$1 spec=$2 steps=$3 lab=() envpool=() gymnasium=()
  for ((round = 1; round <= ${ROUNDS:-3}; round++)); do
    lab+=("$(if [ "$spec" = mujoco ]; then ours_of_mujoco "$env"; else ours "$spec"; fi)")
    envpool+=("$(theirs envpool "$env" "$steps")")
    gymnasium+=("$(theirs gymnasium "$env" "$((steps / 5))")")
  done
  for figure in "${lab[@]}" "${envpool[@]}" "${gymnasium[@]}"; do
    [[ $figure =~ ^[0-9]*[1-9][0-9]*(\.[0-9]+)?$ ]] || { echo "$env: a measurement failed (slm-lab ${lab[*]}; EnvPool ${envpool[*]}; Gymnasium ${gymnasium[*]})" >&2; exit 1; }
  done
  awk -v env="$env" -v a="$(median "${lab[@]}")" -v b="$(median "${envpool[@]}")" -v c="$(median "${gymnasium[@]}")" 'BEGIN {
    printf "%-19s slm-lab %7d  EnvPool %6d (%.1f times)  Gymnasium %6d (%.1f times)\n", env, a, b, a / b, c, a / c }'
}

compare LunarLander-v3 ppo_lunar_arc 100000
compare BipedalWalker-v3 ppo_bipedalwalker_arc 20000
if envs/mujoco/fetch-mujoco; then
  compare InvertedPendulum-v5 mujoco 50000
  compare HalfCheetah-v5 mujoco 20000
  compare Hopper-v5 mujoco 20000
  compare Walker2d-v5 mujoco 20000
  compare Ant-v5 mujoco 10000
  compare Humanoid-v5 mujoco 10000
fi
