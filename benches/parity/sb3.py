"""Train a policy in Gymnasium with Stable-Baselines3 and write it as a policy file of the lab.

    sb3.py ENV FRAMES OUT.safetensors            PPO with the settings of RL Zoo for LunarLander and BipedalWalker
"""

import sys

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

import policy_file

env_id, frames, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
settings = {"n_steps": 1024, "batch_size": 64, "gae_lambda": 0.98, "gamma": 0.999, "n_epochs": 4, "ent_coef": 0.01}
if "Bipedal" in env_id:
    settings = {"n_steps": 2048, "batch_size": 64, "gae_lambda": 0.95, "gamma": 0.999, "n_epochs": 10, "clip_range": 0.18}
torch.set_num_threads(1)
env = make_vec_env(env_id, n_envs=16, seed=1)
model = PPO("MlpPolicy", env, device="cpu", seed=1, verbose=1, **settings)
model.learn(total_timesteps=frames)

layers, weights = [], {}


def add(linear):
    weight, bias = linear.weight.detach().numpy(), linear.bias.detach().numpy()
    weights[len(layers)] = (weight, bias)
    layers.append({"op": "linear", "in": weight.shape[1], "out": weight.shape[0]})


for module in model.policy.mlp_extractor.policy_net:
    if isinstance(module, torch.nn.Linear):
        add(module)
    else:
        layers.append({"op": {torch.nn.Tanh: "tanh", torch.nn.ReLU: "relu"}[type(module)]})
add(model.policy.action_net)
space = env.action_space
if hasattr(space, "n"):
    head = {"type": "categorical", "n": int(space.n)}
else:
    # SB3 clips the mean to the space, as these environments do themselves.
    head = {"type": "normal", "k": space.shape[0], "log_std": "absent", "log_std_range": [-20.0, 2.0]}
    head |= {"squash": False, "bounds": False}
origin = {"algorithm": "PPO", "program": "stable-baselines3", "frame": str(model.num_timesteps)}
policy_file.write(out, layers, weights, head, env.observation_space.shape[0], env_id, {}, origin)

policy = policy_file.Policy(out)
for obs in np.random.default_rng(0).uniform(-1, 1, (100, env.observation_space.shape[0])).astype(np.float32):
    expected, _ = model.predict(obs, deterministic=True)
    low_high = () if hasattr(space, "n") else (space.low, space.high)
    found = policy.act(obs) if not low_high else np.clip(policy.act(obs), *low_high)
    assert np.allclose(found, expected, atol=1e-5), (found, expected)
