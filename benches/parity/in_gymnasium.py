"""Returns of a policy file in Gymnasium, its likeliest actions, as JSON: in_gymnasium.py POLICY [EPISODES] [SEED]."""

import json
import sys

import gymnasium as gym

from policy_file import Policy

RUN_KEYS = {"name", "num_envs", "max_t", "max_frame", "normalize_obs", "normalize_reward", "clip_obs", "clip_reward"}

policy = Policy(sys.argv[1])
episodes = int(sys.argv[2]) if len(sys.argv) > 2 else 200
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
spec = json.loads(policy.metadata["env_spec"])
env = gym.make(spec["name"], **{key: value for key, value in spec.items() if key not in RUN_KEYS})
returns = []
for episode in range(episodes):
    obs, _ = env.reset(seed=seed if episode == 0 else None)
    total, is_last = 0.0, False
    while not is_last:
        obs, reward, terminated, truncated, _ = env.step(policy.act(obs))
        total += float(reward)
        is_last = terminated or truncated
    returns.append(total)
print(json.dumps({"env": spec["name"], "returns": returns}))
