#!/usr/bin/env bash
# Whether a policy earns here what it earns in Gymnasium, over as many episodes as are asked for.
#
#   benches/parity/run.sh POLICY.safetensors [EPISODES]     of a run's model/ folder, or of another library (below)
#   benches/parity/run.sh sb3 ENV FRAMES [EPISODES]         trained there first, by Stable-Baselines3's PPO
#
# PYTHON names an interpreter with stable-baselines3==2.9.0 and gymnasium[box2d]==1.4.0; else a virtual environment is made.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -z "${PYTHON:-}" ]; then
  venv=benches/parity/.venv
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet swig stable-baselines3==2.9.0 "gymnasium[box2d]==1.4.0"
  PYTHON=$venv/bin/python
fi
cargo build --release --locked --example evaluate
evaluate=${CARGO_TARGET_DIR:-target}/release/examples/evaluate
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ "$1" = sb3 ]; then
  policy=$scratch/sb3.safetensors episodes=${4:-200}
  "$PYTHON" benches/parity/sb3.py "$2" "$3" "$policy" >&2
else
  policy=$1 episodes=${2:-200}
fi
"$evaluate" "$policy" "$episodes" 1000 >"$scratch/here.json"
"$PYTHON" benches/parity/in_gymnasium.py "$policy" "$episodes" 2000 >"$scratch/there.json"
"$PYTHON" benches/parity/compare.py "$scratch/here.json" "$scratch/there.json"
