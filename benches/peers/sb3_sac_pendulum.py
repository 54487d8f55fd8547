"""SAC on Pendulum-v1 in Stable-Baselines3, with the settings of SLM-Lab's `sac_pendulum_arc`: frames per second with
learning, networks of 256 by 256, batches of 256, one update a frame.

One thread, CPU.
"""

import sys
import time

import torch

torch.set_num_threads(1)

from stable_baselines3 import SAC
from stable_baselines3.common.env_util import make_vec_env

frames = int(sys.argv[1]) if len(sys.argv) > 1 else 2_048
env = make_vec_env("Pendulum-v1", n_envs=4, seed=1)
model = SAC(
    "MlpPolicy",
    env,
    learning_rate=0.0003,
    buffer_size=100_000,
    learning_starts=256,
    batch_size=256,
    tau=0.005,
    gamma=0.99,
    train_freq=1,
    gradient_steps=4,
    ent_coef="auto",
    policy_kwargs={"net_arch": [256, 256]},
    device="cpu",
    seed=1,
)
started = time.perf_counter()
model.learn(total_timesteps=frames)
seconds = time.perf_counter() - started
print(f"sb3 frames {model.num_timesteps} seconds {seconds:.2f} fps {model.num_timesteps / seconds:.0f}")
