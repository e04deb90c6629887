"""The yardstick of attention.sh: PyTorch's cuDNN and flash attention at the same shapes (causal, bf16, 32 query and 8 KV heads), by events, median."""

import statistics
import sys

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

HEADS, KV_HEADS = 32, 8


def timed(run):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def measure(backend, tokens, head_dim):
    q = torch.randn(1, HEADS, tokens, head_dim, device="cuda", dtype=torch.bfloat16)
    k, v = (torch.randn(1, KV_HEADS, tokens, head_dim, device="cuda", dtype=torch.bfloat16) for _ in range(2))

    def run():
        return scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)

    with sdpa_kernel([backend]), torch.no_grad():
        run()
        ms = timed(run)
        # As in attention.cu: at the power limit the clock falls within some 100 ms of load, and what is timed is the state after that.
        for _ in range(int(300 / ms) + 1):
            run()
        ms = statistics.median(timed(run) for _ in range(max(5, min(31, int(150 / ms)))))
    return ms, 2 * tokens * tokens * HEADS * head_dim / ms * 1e-9


print(f"torch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}, {torch.cuda.get_device_name()}")
for head_dim in (128, 64):
    for tokens in [int(a) for a in sys.argv[1:]]:
        for name, backend in (("cuDNN", SDPBackend.CUDNN_ATTENTION), ("flash", SDPBackend.FLASH_ATTENTION)):
            try:
                ms, rate = measure(backend, tokens, head_dim)
                print(f"       torch {name} d={head_dim} {tokens:<10} {ms:9.3f} ms {rate:7.1f} TFLOP/s", flush=True)
            except Exception as e:  # a backend may not serve a shape
                print(f"       torch {name} d={head_dim} {tokens}: {str(e).splitlines()[0]}", flush=True)
