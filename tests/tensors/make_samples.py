#!/usr/bin/python3
"""Valid and damaged tensor files of every kind, and what has to be said of each.

usage: make_samples.py [--huge] OUTDIR          all of them, with expected.tsv beside (see samples/sample_set.py)
       make_samples.py --fixtures FROM OUTDIR   the handful of FROM that is kept in tests/tensors/fixtures
Needs python3-torch 1.13 or newer and numpy. --huge adds a sparse file beyond 4 GiB.
"""
import argparse
import pathlib
import shutil
import sys
import time

FIXTURES = """
ok/type_float32.pt ok/type_bfloat16.pt ok/type_float16.pt ok/type_bool.pt ok/type_int64.pt
ok/type_complex64.pt ok/type_qint8.pt ok/type_float32_legacy.pt ok/types_all.pt ok/protocol_2.pt
ok/protocol_3.pt ok/protocol_4.pt ok/protocol_5.pt ok/shared.pt ok/shared_legacy.pt ok/view_slice.pt
ok/view_petabytes.pt ok/state_dict.pt ok/nested.pt ok/numpy.pt ok/sparse_coo.pt ok/whole_module.pt
ok/contains_itself.pt ok/layout_torch_2.6.pt ok/zip64_both.pt ok/checksums_off.pt ok/v3_float8_e4m3fn.pt
ok/enum_by_getattr.pt findings/nan_float32.pt findings/zeros_bfloat16.pt findings/checksums_wrong_all.pt
findings/nan.safetensors safetensors/all_types.safetensors safetensors/metadata.safetensors
safetensors/empty_tensors.safetensors torchscript/script.pt checkpoints/good/checkpoint-20/optimizer.pt
checkpoints/good/checkpoint-20/scheduler.pt checkpoints/good/checkpoint-20/rng_state.pth
checkpoints/good/checkpoint-20/training_args.bin bad/flipped_bit.pt bad/checksum_wrong_one.pt
bad/zeros_second_half.pt bad/tensor_beyond_storage.pt bad/pickle_no_stop.pt bad/legacy_count_huge.pt
refused/byteorder_big.pt refused/deflated_data.pt hostile/reduce_os_system.pt hostile/in_persistent_id.pt
hostile/bare_pickle.pt hostile/legacy.pt bombs/billion_laughs_tuples.pt bombs/announced_binunicode8.pt
foreign/login_page.bin foreign/tar.pt lfs/model.safetensors safetensors_bad/overlap.safetensors
safetensors_bad/trailing_bytes.safetensors safetensors_bad/shape_overflow_to_16.safetensors
""".split()


def make(out, huge):
    import torch

    from samples import checkpoint_samples, damage_samples, hostile_samples
    from samples import layout_samples, safetensors_samples, torch_samples
    from samples.sample_set import Samples

    torch.manual_seed(1)
    torch.set_num_threads(1)
    samples = Samples(out)
    for module in (torch_samples, layout_samples, safetensors_samples, hostile_samples, damage_samples,
                   checkpoint_samples):
        module.make(samples)
    if huge:
        layout_samples.huge(samples)
    samples.finish()
    return len(samples.files)


def fixtures(source, out):
    """Copies the chosen files, and of each table the rows about them."""
    for name in FIXTURES:
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)
    for table in ("expected.tsv", "expected_tensors.tsv"):
        head, *rows = (source / table).read_text().splitlines()
        (out / table).write_text("\n".join([head] + [row for row in rows if row.split("\t")[0] in FIXTURES]) +
                                 "\n")
    return len(FIXTURES)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--huge", action="store_true")
    parser.add_argument("--fixtures", type=pathlib.Path, metavar="FROM")
    parser.add_argument("out", type=pathlib.Path)
    options = parser.parse_args()
    start = time.monotonic()
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    count = fixtures(options.fixtures, options.out) if options.fixtures else make(options.out, options.huge)
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    print(f"{count} files, {size:,} bytes in {options.out} ({time.monotonic() - start:.1f} s)")


if __name__ == "__main__":
    main()
