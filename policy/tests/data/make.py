# Writes python.safetensors with Hugging Face's own library: pip install safetensors numpy
import json
import numpy as np
from safetensors.numpy import save_file

w0 = np.array([[2, 0], [0, 2], [-2, 0]], np.float32)  # [out 3, in 2]
w2 = np.array([[0, 0, 1], [1, 1, 0]], np.float32)  # [out 2, in 3]
obs = np.array([[1, 2], [-1, 0]], np.float32)
# [1, 2] -> [2, 4, -2] + [0.5, 0, 0] -> relu [2.5, 4, 0] -> [0, 6.5] + [0.25, 0] = [0.25, 6.5]
# [-1, 0] -> [-2, 0, 2] + [0.5, 0, 0] -> relu [0, 0, 2] -> [2, 0] + [0.25, 0] = [2.25, 0]
save_file(
    {
        "net.0.weight": w0,
        "net.0.bias": np.array([0.5, 0, 0], np.float32),
        "net.2.weight": w2,
        "net.2.bias": np.array([0.25, 0], np.float32),
        "parity.obs": obs,
        "parity.outputs": np.array([[0.25, 6.5], [2.25, 0]], np.float32),
        "unrelated": np.arange(3, dtype=np.int64),
    },
    "python.safetensors",
    metadata={
        "format": "slm-policy",
        "version": "1",
        "observation": json.dumps({"shape": [2], "dtype": "float32"}),
        "network": json.dumps(
            [{"op": "linear", "in": 2, "out": 3}, {"op": "relu"}, {"op": "linear", "in": 3, "out": 2}]
        ),
        "action": json.dumps({"type": "categorical", "n": 2}),
        "env": "Hand-v0",
    },
)
