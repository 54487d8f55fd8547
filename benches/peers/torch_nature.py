"""The network that plays Atari games (Mnih et al. 2015) in PyTorch: milliseconds forward and backward for 32 images.

One thread, CPU; beside `cargo bench -p slm-kernels --bench conv`, row "forward and backward" of 32 images.
"""

import statistics
import time

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
net = nn.Sequential(
    nn.Conv2d(4, 32, 8, 4), nn.ReLU(),
    nn.Conv2d(32, 64, 4, 2), nn.ReLU(),
    nn.Conv2d(64, 64, 3, 1), nn.ReLU(),
    nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 7),
)
images, gradient = torch.rand(32, 4, 84, 84), torch.rand(32, 7)
times = []
for _ in range(60):
    started = time.perf_counter()
    net.zero_grad()
    net(images).backward(gradient)
    times.append((time.perf_counter() - started) * 1e3)
print(f"torch {torch.__version__} milliseconds least {min(times):.1f} median {statistics.median(times):.1f}")
