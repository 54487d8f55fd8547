"""Steps per CPU second of an environment with random actions: env_steps.py envpool|gymnasium ENV [STEPS]."""

import sys
import time

library, name = sys.argv[1:3]
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
NUM_ENVS = 64

if library == "envpool":
    import envpool

    env = envpool.make(name, env_type="gymnasium", num_envs=NUM_ENVS, num_threads=1, seed=0)
    sample = lambda: __import__("numpy").stack([env.action_space.sample() for _ in range(NUM_ENVS)])
else:
    import gymnasium

    env = gymnasium.make_vec(name, num_envs=NUM_ENVS, vectorization_mode="sync")
    sample = env.action_space.sample
env.reset()
actions = [sample() for _ in range(32)]
vector_steps = steps // NUM_ENVS
start = time.process_time()
for t in range(vector_steps):
    env.step(actions[t % len(actions)])
print(round(vector_steps * NUM_ENVS / (time.process_time() - start)))
