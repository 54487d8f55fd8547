"""Record Gymnasium's Box2D environments in the compact form of tests/data/env/*_box2d.jsonl.

    python -m venv venv && venv/bin/pip install "gymnasium[box2d]==1.4.0" "numpy==2.4.6"
    venv/bin/python benches/parity/record_box2d.py LunarLander-v3 --seeds 20 --steps 400 > lunar_lander_box2d.jsonl

One line a seed. Actions are uniform, drawn from the action space seeded 1000 + seed, or those of Gymnasium's scripted
controller (--scripted), which are then in the file: digits, or the bits of floats. "reset" holds the bits of the first
observation; "rows" one 32-bit FNV-1a hash for every step (bytes of the observation, bits of the reward as a double,
terminated + 2 truncated) and one for the first observation of each following episode. Bits are hexadecimal, most
significant first.
Pixels are hashed without those of the return in the lower left corner (its font is another one here).
"""

import argparse
import json
import struct

import gymnasium as gym
import numpy as np
from gymnasium.envs.box2d import bipedal_walker, lunar_lander


def fnv1a(data: bytes) -> str:
    h = 0x811C9DC5
    for b in data:
        h = ((h ^ b) * 0x01000193) & 0xFFFFFFFF
    return f"{h:08x}"


def bits(values) -> str:
    return "".join(f"{b:08x}" for b in np.asarray(values, np.float32).view(np.uint32).ravel())


def is_pixels(obs) -> bool:
    return obs.dtype == np.uint8


def hashed(obs) -> bytes:
    if not is_pixels(obs):
        return obs.tobytes()
    obs = obs.astype(np.uint64)
    obs[86:94, :12] = 0
    # A sum with powers of 31 as weights: FNV byte by byte would take Python minutes.
    return struct.pack("<Q", int(obs.ravel() @ WEIGHTS % PRIME))


PRIME = 2**31 - 1
WEIGHTS = np.array([pow(31, i, PRIME) for i in range(96 * 96 * 3)], np.uint64)  # sums stay below 2^54


def scripted(env):
    if "Bipedal" in env.spec.id:
        controller = bipedal_walker.BipedalWalkerHeuristics()
        controller.a = np.zeros(4)
        return lambda obs: controller.step_heuristic(obs).astype(np.float32)
    if env.action_space.shape:
        return lambda obs: np.asarray(lunar_lander.heuristic(env, obs), np.float32)
    return lambda obs: int(lunar_lander.heuristic(env, obs))


def record(args, seed: int) -> dict:
    env = gym.make(args.env, **args.kwargs)
    env.action_space.seed(1000 + seed)
    choose = scripted(env) if args.scripted else lambda obs: env.action_space.sample()
    obs, _ = env.reset(seed=seed)
    line = {"env": args.env, "seed": seed, "gymnasium": gym.__version__, "kwargs": args.kwargs, "steps": args.steps}
    line["reset"] = fnv1a(hashed(obs)) if is_pixels(obs) else bits(obs)
    actions, rows = [], []
    for _ in range(args.steps):
        action = choose(obs)
        actions.append(bits(action) if env.action_space.shape else str(action))
        obs, reward, terminated, truncated, _ = env.step(action)
        last = hashed(obs) + struct.pack("<dB", float(reward), terminated + 2 * truncated)
        for row in [last, None] if terminated or truncated else [last]:
            if row is None:
                obs, _ = env.reset()
                row = hashed(obs)
            rows.append(fnv1a(row))
    if args.scripted:
        line["actions"] = "".join(actions)
    return line | {"rows": "".join(rows)}


def main() -> None:
    ap = argparse.ArgumentParser()
    ap.add_argument("env")
    ap.add_argument("--seeds", type=int, default=20)
    ap.add_argument("--first-seed", type=int, default=0)
    ap.add_argument("--steps", type=int, default=400)
    ap.add_argument("--scripted", action="store_true")
    ap.add_argument("--kwargs", default={}, type=json.loads, help='JSON, e.g. {"enable_wind": true}')
    args = ap.parse_args()
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        print(json.dumps(record(args, seed)), flush=True)


if __name__ == "__main__":
    main()
