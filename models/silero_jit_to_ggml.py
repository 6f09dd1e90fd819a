#!/usr/bin/env python3
"""Turn silero_vad.jit (Python package silero-vad) into whisper.cpp's voice-detection format.

    silero_jit_to_ggml.py silero_vad.jit OUT.bin VERSION      (VERSION such as 6.2.0)

Python standard library only.  A TorchScript archive is a zip that keeps each tensor as raw little-endian float32 in
<root>/data/<number>; numbers 2 to 16 are the branch for 16 kHz.  The result is byte for byte the published file.
"""
import math
import struct
import sys
import zipfile

MAGIC = 0x67676D6C
ENCODER = [(129, 128), (128, 64), (64, 64), (64, 128)]  # channels in and out of the four convolutions
KERNEL = 3
HIDDEN = 128


def ints(*values):
    return struct.pack(f"<{len(values)}i", *values)


def header(version):
    name = b"silero-16k"
    window, context, layers = 512, 64, len(ENCODER)
    out = ints(MAGIC, len(name)) + name + ints(*map(int, version.split("."))) + ints(window, context, layers)
    for channels_in, channels_out in ENCODER:
        out += ints(channels_in, channels_out, KERNEL)
    return out + ints(HIDDEN, HIDDEN, HIDDEN, 1)


def tensors():
    """Name, dimensions (innermost first), number in the archive, stored as float16?"""
    for i, (channels_in, channels_out) in enumerate(ENCODER):
        conv = f"_model.encoder.{i}.reparam_conv"
        yield conv + ".weight", (KERNEL, channels_in, channels_out), 3 + 2 * i, True
        yield conv + ".bias", (channels_out,), 4 + 2 * i, False
    rnn = "_model.decoder.rnn"
    yield rnn + ".weight_ih", (HIDDEN, 4 * HIDDEN), 11, False
    yield rnn + ".weight_hh", (HIDDEN, 4 * HIDDEN), 12, False
    yield rnn + ".bias_ih", (4 * HIDDEN,), 13, False
    yield rnn + ".bias_hh", (4 * HIDDEN,), 14, False
    yield "_model.decoder.decoder.2.weight", (HIDDEN,), 15, True
    yield "_model.decoder.decoder.2.bias", (), 16, False
    yield "_model.stft.forward_basis_buffer", (256, 1, 258), 2, True


def main(source, target, version):
    with zipfile.ZipFile(source) as archive, open(target, "wb") as out:
        root = archive.namelist()[0].split("/")[0]
        out.write(header(version))
        for name, dims, number, half in tensors():
            data = archive.read(f"{root}/data/{number}")
            count = len(data) // 4
            if count != math.prod(dims):
                sys.exit(f"{source}: {name} has {count} values, {math.prod(dims)} expected")
            if half:
                data = struct.pack(f"<{count}e", *struct.unpack(f"<{count}f", data))
            label = name.encode()
            out.write(ints(len(dims), len(label), int(half), *dims) + label + data)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
