"""PPO on CartPole-v1 in Stable-Baselines3, with the settings of SLM-Lab's `ppo_cartpole_arc`: frames per second with learning.

One thread, CPU. SB3 has one optimizer for both networks, so the actor's learning rate is used for both; the work per
frame is the same.
"""

import sys
import time

import torch

torch.set_num_threads(1)

from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

frames = int(sys.argv[1]) if len(sys.argv) > 1 else 40_960
env = make_vec_env("CartPole-v1", n_envs=4, seed=1)
model = PPO(
    "MlpPolicy",
    env,
    learning_rate=0.0005909,
    n_steps=256,
    batch_size=128,
    n_epochs=15,
    gamma=0.9769,
    gae_lambda=0.9112,
    clip_range=0.1312,
    ent_coef=0.0074,
    vf_coef=0.6049,
    max_grad_norm=0.5,
    policy_kwargs={"net_arch": {"pi": [64, 64], "vf": [64, 64]}},
    device="cpu",
    seed=1,
)
started = time.perf_counter()
model.learn(total_timesteps=frames)
seconds = time.perf_counter() - started
print(f"sb3 frames {model.num_timesteps} seconds {seconds:.2f} fps {model.num_timesteps / seconds:.0f}")
