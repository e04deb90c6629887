"""What transformers itself gets in bf16 on the golden models: the yardstick of CudaGoldenGpuTests.staysCloseToTheReferenceInBf16.

    python3 benchmarks/gpu/bf16_reference.py slim-infer-core/src/test/resources/golden

The argument is a golden folder (config.json, model.safetensors, golden.json) or a folder of such. For each model, with SDPA and eager attention in
bf16: the relative L2 error of the logits against golden.json's dense_logits (float32), all golden positions together and each alone. The same in
float32 comes first and must stay below 1e-4, so that a wrong comparison shows. Runs on the GPU if there is one.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM

FLOAT32_LIMIT = 1e-4


def relative(actual, expected):
    return ((actual - expected).norm() / expected.norm()).item()


def logits(folder, golden, dtype, attention, device):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention).to(device).eval()
    with torch.no_grad():
        out = model(torch.tensor([golden["prompt"]], device=device)).logits[0]
    return out[golden["positions"]].double().cpu()


def measure(folder, device):
    golden = json.loads((folder / "golden.json").read_text())
    expected = torch.tensor(golden["dense_logits"], dtype=torch.float64)
    good = True
    worst = 0.0
    for dtype, attention in ((torch.float32, "eager"), (torch.bfloat16, "sdpa"), (torch.bfloat16, "eager")):
        actual = logits(folder, golden, dtype, attention, device)
        error = relative(actual, expected)
        each = " ".join(f"{relative(a, e):.4f}" for a, e in zip(actual, expected))
        print(f"{folder.name:18} {str(dtype)[6:]:8} {attention:5} {error:.5f}   by position {each}", flush=True)
        if dtype == torch.float32:
            good = error < FLOAT32_LIMIT
        else:
            worst = max(worst, error)
    return good, worst


def main(path):
    torch.backends.cuda.matmul.allow_tf32 = False
    device = "cuda" if torch.cuda.is_available() else "cpu"
    where = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {where}")
    folders = [path] if (path / "golden.json").exists() else sorted(p.parent for p in path.glob("*/golden.json"))
    if not folders:
        sys.exit(f"no golden.json in {path} or in the folders in it")
    results = {folder.name: measure(folder, device) for folder in folders}
    print("\nFor the table in CudaGoldenGpuTests (the larger of SDPA and eager):")
    for name, (_, worst) in results.items():
        print(f'            Map.entry("{name}", {worst:.4f}),')
    if not all(good for good, _ in results.values()):
        sys.exit(f"float32 is not within {FLOAT32_LIMIT} of the golden logits: what is compared here is not the same")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
