"""Record Gymnasium's MuJoCo environments in the compact form of tests/data/env/mujoco.jsonl.

    python -m venv venv && venv/bin/pip install "gymnasium[mujoco]==1.4.0" "mujoco==3.17.0" "numpy==2.4.6"
    venv/bin/python benches/parity/record_mujoco.py > tests/data/env/mujoco.jsonl

One line a recording: every environment with its defaults, ten episodes or more, then with other constructor options.
Actions are uniform, drawn from the action space seeded 1000 + seed. "reset" holds the bits of the first observation;
"rows" one 32-bit FNV-1a hash for every step (bytes of the observation as doubles, bits of the reward as a double,
terminated + 2 truncated) and one for the first observation of each following episode. Bits are hexadecimal, most
significant first. "limit" is the time limit, shortened where an episode would be long.
"""

import json
import struct
import sys

import gymnasium as gym
import mujoco
import numpy as np

INF = float("inf")
# Environment, time limit, steps, constructor options.
DEFAULTS = [
    ("Ant-v5", 100, 1000, {}),
    ("HalfCheetah-v5", 100, 1000, {}),
    ("Hopper-v5", 1000, 400, {}),
    ("Humanoid-v5", 1000, 400, {}),
    ("HumanoidStandup-v5", 60, 600, {}),
    ("InvertedDoublePendulum-v5", 1000, 200, {}),
    ("InvertedPendulum-v5", 1000, 200, {}),
    ("Pusher-v5", 100, 1000, {}),
    ("Reacher-v5", 50, 500, {}),
    ("Swimmer-v5", 100, 1000, {}),
    ("Walker2d-v5", 1000, 400, {}),
]
ANT = {"forward_reward_weight": 2.5, "ctrl_cost_weight": 0.3, "contact_cost_weight": 0.01, "healthy_reward": 0.7,
       "main_body": "torso", "healthy_z_range": [0.4, 0.9], "contact_force_range": [-0.3, INF],
       "reset_noise_scale": 0.2, "exclude_current_positions_from_observation": False, "frame_skip": 3}
HUMANOID = {"ctrl_cost_weight": 0.2, "reset_noise_scale": 0.03, "exclude_current_positions_from_observation": False}
HOPPER = {"forward_reward_weight": 0.5, "ctrl_cost_weight": 0.2, "healthy_reward": 2.0, "healthy_z_range": [0.9, 1.4],
          "healthy_state_range": [-3.0, 3.0], "healthy_angle_range": [-0.1, INF], "reset_noise_scale": 0.05}
WALKER = {"forward_reward_weight": 0.5, "ctrl_cost_weight": 0.2, "healthy_reward": 2.0, "healthy_z_range": [0.9, 1.4],
          "healthy_angle_range": [-0.3, 0.2], "reset_noise_scale": 0.05}
PLANAR = {"forward_reward_weight": 0.3, "ctrl_cost_weight": 0.7, "reset_noise_scale": 0.4, "frame_skip": 2,
          "exclude_current_positions_from_observation": False}
OPTIONS = [
    ("Ant-v5", 60, 200, ANT),
    ("Ant-v5", 60, 100, {"terminate_when_unhealthy": False, "include_cfrc_ext_in_observation": False, "main_body": 4,
                         "healthy_z_range": [0.6, 0.7]}),
    ("HalfCheetah-v5", 60, 150, PLANAR),
    ("Hopper-v5", 60, 150, HOPPER),
    ("Hopper-v5", 60, 150, {"terminate_when_unhealthy": False, "exclude_current_positions_from_observation": False,
                            "frame_skip": 7}),
    ("Humanoid-v5", 60, 100, HUMANOID | {"forward_reward_weight": 2.0, "contact_cost_weight": 1e-4, "healthy_reward": 3.0,
                                         "contact_cost_range": [0.5, 0.9], "healthy_z_range": [1.3, 1.6]}),
    ("Humanoid-v5", 60, 100, {"terminate_when_unhealthy": False, "include_cinert_in_observation": False,
                              "include_cvel_in_observation": False, "include_qfrc_actuator_in_observation": False,
                              "include_cfrc_ext_in_observation": False, "frame_skip": 2}),
    ("HumanoidStandup-v5", 60, 100, HUMANOID | {"uph_cost_weight": 3.0, "impact_cost_weight": 1e-3,
                                                "impact_cost_range": [0.2, 5.0]}),
    ("HumanoidStandup-v5", 60, 100, {"include_cinert_in_observation": False, "include_cvel_in_observation": False,
                                     "include_qfrc_actuator_in_observation": False,
                                     "include_cfrc_ext_in_observation": False}),
    ("InvertedDoublePendulum-v5", 60, 100, {"healthy_reward": 3.0, "reset_noise_scale": 0.02, "frame_skip": 2}),
    ("InvertedPendulum-v5", 60, 100, {"reset_noise_scale": 0.1, "frame_skip": 1}),
    ("Pusher-v5", 100, 150, {"reward_near_weight": 0.9, "reward_dist_weight": 0.3, "reward_control_weight": 0.7}),
    ("Pusher-v5", 100, 150, {"xml_file": "pusher.xml", "frame_skip": 3}),
    ("Reacher-v5", 50, 150, {"reward_dist_weight": 0.3, "reward_control_weight": 0.7, "frame_skip": 3}),
    ("Swimmer-v5", 60, 150, PLANAR),
    ("Walker2d-v5", 60, 150, WALKER),
    ("Walker2d-v5", 60, 150, {"xml_file": "walker2d.xml", "terminate_when_unhealthy": False,
                              "exclude_current_positions_from_observation": False}),
]


def fnv1a(data: bytes) -> str:
    h = 0x811C9DC5
    for b in data:
        h = ((h ^ b) * 0x01000193) & 0xFFFFFFFF
    return f"{h:08x}"


def record(name: str, limit: int, steps: int, kwargs: dict, seed: int) -> dict:
    env = gym.make(name, max_episode_steps=limit, **kwargs)
    env.action_space.seed(1000 + seed)
    obs, _ = env.reset(seed=seed)
    assert obs.dtype == np.float64
    # An open end of a range is null: JSON has no infinity.
    shown = {key: [None if abs(x) == INF else x for x in value] if isinstance(value, list) else value
             for key, value in kwargs.items()}
    line = {"env": name, "seed": seed, "gymnasium": gym.__version__, "mujoco": mujoco.__version__, "kwargs": shown,
            "limit": limit, "steps": steps, "reset": obs.astype(">f8").tobytes().hex()}
    rows, episodes = [], 0
    for _ in range(steps):
        obs, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        rows.append(fnv1a(obs.tobytes() + struct.pack("<dB", float(reward), terminated + 2 * truncated)))
        if terminated or truncated:
            episodes += 1
            obs, _ = env.reset()
            rows.append(fnv1a(obs.tobytes()))
    print(name, kwargs, episodes, "episodes", file=sys.stderr)
    return line | {"episodes": episodes, "rows": "".join(rows)}


def main() -> None:
    for seed, recording in enumerate(DEFAULTS + OPTIONS):
        print(json.dumps(record(*recording, seed)), flush=True)


if __name__ == "__main__":
    main()
