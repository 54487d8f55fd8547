"""DQN on CartPole-v1 in Stable-Baselines3, with the settings of SLM-Lab's `dqn_boltzmann_cartpole_arc`: frames per second
with learning, one gradient step a frame.

One thread, CPU. SB3 explores by ε-greedy instead of a temperature and learns with Adam; the work per frame is the same.
"""

import sys
import time

import torch

torch.set_num_threads(1)

from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_vec_env

frames = int(sys.argv[1]) if len(sys.argv) > 1 else 8_192
env = make_vec_env("CartPole-v1", n_envs=4, seed=1)
model = DQN(
    "MlpPolicy",
    env,
    learning_rate=0.0003,
    buffer_size=50_000,
    learning_starts=32,
    batch_size=64,
    gamma=0.995,
    train_freq=1,
    gradient_steps=4,
    target_update_interval=75,
    exploration_final_eps=0.05,
    max_grad_norm=0.55,
    policy_kwargs={"net_arch": [256, 128], "activation_fn": torch.nn.SELU},
    device="cpu",
    seed=1,
)
started = time.perf_counter()
model.learn(total_timesteps=frames)
seconds = time.perf_counter() - started
print(f"sb3 frames {model.num_timesteps} seconds {seconds:.2f} fps {model.num_timesteps / seconds:.0f}")
