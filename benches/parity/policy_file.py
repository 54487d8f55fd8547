"""Read, run and write the lab's policy files (safetensors) with NumPy alone; `policy/src/file.rs` is the format."""

import json
import struct

import numpy as np

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
}
TYPES = {"F32": np.float32, "F64": np.float64}


class Policy:
    """A feed-forward policy that takes its likeliest actions."""

    def __init__(self, path):
        data = open(path, "rb").read()
        (n,) = struct.unpack("<Q", data[:8])
        head = json.loads(data[8 : 8 + n])
        self.metadata = head.pop("__metadata__")
        body = data[8 + n :]
        self.tensors = {
            name: np.frombuffer(body[slice(*entry["data_offsets"])], TYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in head.items()
        }
        self.layers = json.loads(self.metadata["network"])
        self.head = json.loads(self.metadata["action"])
        self.normalizer = json.loads(self.metadata.get("normalizer", "null"))

    def outputs(self, x):
        x = np.asarray(x, np.float32)
        if self.normalizer:
            scale = np.sqrt(self.tensors["normalizer.var"] + self.normalizer["eps"])
            x = ((x - self.tensors["normalizer.mean"]) / scale).astype(np.float32)
            if self.normalizer["clip"] is not None:
                x = np.clip(x, -self.normalizer["clip"], self.normalizer["clip"])
        for i, layer in enumerate(self.layers):
            x = self.layer(layer, x, lambda name: self.tensors[f"net.{i}.{name}"])
        return x

    @staticmethod
    def layer(layer, x, tensor):
        op = layer["op"]
        if op == "linear":
            return tensor("weight") @ x + tensor("bias")
        if op == "layer_norm":
            return (x - x.mean()) / np.sqrt(x.var() + layer["eps"]) * tensor("weight") + tensor("bias")
        if op == "scale" and layer["positions"] == 1:
            return x * tensor("weight") + tensor("bias")
        if op == "leaky_relu":
            return np.where(x > 0, x, layer["slope"] * x)
        if op == "elu":
            return np.where(x > 0, x, layer["alpha"] * np.expm1(x))
        if op in ACTIVATIONS:
            return ACTIVATIONS[op](x)
        raise SystemExit(f"this script does not know layers of type {op}")

    def act(self, obs):
        out, kind = self.outputs(obs), self.head["type"]
        if kind in ("categorical", "argmax"):
            return int(np.argmax(out))
        if kind != "normal":
            raise SystemExit(f"this script does not know actions of type {kind}")
        action = out[: self.head["k"]]
        if self.head["squash"]:
            action = np.tanh(action)
        if self.head["bounds"]:
            low, high = self.tensors["action.low"], self.tensors["action.high"]
            action = low + (action + 1) * np.float32(0.5) * (high - low)
        return action.astype(np.float32)


def write(path, layers, weights, head, obs_width, env, env_options, origin):
    """Writes layers [{"op": ...}, ...] with weights {index: (weight, bias)} as a policy file."""
    spec = {"name": env, "num_envs": 1, "max_frame": 1, **env_options}
    metadata = {
        "format": "slm-policy",
        "version": "1",
        "observation": json.dumps({"shape": [obs_width], "dtype": "float32"}),
        "network": json.dumps(layers),
        "action": json.dumps(head),
        "env": env,
        "env_spec": json.dumps(spec),
        **origin,
    }
    entries, body = {}, b""
    for i, (weight, bias) in weights.items():
        for name, values in (("weight", weight), ("bias", bias)):
            values = np.ascontiguousarray(values, np.float32)
            offsets = [len(body), len(body) + values.nbytes]
            entries[f"net.{i}.{name}"] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": offsets}
            body += values.tobytes()
    head_bytes = json.dumps({"__metadata__": metadata, **entries}).encode()
    head_bytes += b" " * (-len(head_bytes) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head_bytes)) + head_bytes + body)
