#!/usr/bin/env python3
"""Turn a CTranslate2 (float16) Whisper model, as some Python packages carry it, into whisper.cpp's ggml format.

    whisper_ct2_to_ggml.py OUT.bin VOCABULARY(.json|.txt) model.bin.part1 [model.bin.part2 ...]

Python standard library only.  For OpenAI's multilingual `base` the result is byte for byte the published ggml-base.bin;
whoever runs this checks the hash.
"""
import json
import math
import pathlib
import struct
import sys

MAGIC = 0x67676D6C
CT2_VERSION, CT2_FLOAT16 = 6, 4
FILE_TYPE_F16 = 1
SAMPLE_RATE, FFT_SIZE = 16_000, 400


class Ct2Model:
    """The tensors of a CTranslate2 model file: name to (dimensions, dtype, bytes)."""

    def __init__(self, data):
        self.data, self.at = memoryview(data), 0
        version, spec = self.number("I"), self.string()
        if (version, spec) != (CT2_VERSION, "WhisperSpec"):
            sys.exit(f"unexpected CTranslate2 header: {version} {spec}")
        self.number("I")  # revision
        self.tensors = dict(self.tensor() for _ in range(self.number("I")))

    def number(self, kind):
        (value,) = struct.unpack_from("<" + kind, self.data, self.at)
        self.at += struct.calcsize("<" + kind)
        return value

    def take(self, size, what):
        if self.at + size > len(self.data):
            sys.exit(f"model file is truncated inside {what}: a part is missing")
        piece = self.data[self.at : self.at + size]
        self.at += size
        return piece

    def string(self):
        size = self.number("H")
        return bytes(self.take(size, "a name"))[:-1].decode()

    def tensor(self):
        name = self.string()
        dims = [self.number("I") for _ in range(self.number("B"))]
        dtype = self.number("B")
        return name, (dims, dtype, self.take(self.number("I"), name))

    def f16(self, name):
        dims, dtype, raw = self.tensors[name]
        if dtype != CT2_FLOAT16:
            sys.exit(f"{name}: dtype {dtype}, only float16 conversions are supported")
        return dims, raw

    def scalar(self, name):
        return struct.unpack("<h", self.tensors[name][2])[0]

    def layers(self, side):
        indices = [k.split("/")[1] for k in self.tensors if k.startswith(side + "/layer_")]
        return 1 + max(int(k[len("layer_") :]) for k in indices if k != "layer_norm")


class GgmlNames:
    """The same tensors under OpenAI's names, in the order of OpenAI's checkpoints, hence of the published files."""

    def __init__(self, ct2):
        self.ct2, self.out = ct2, []
        decoder, encoder = ct2.layers("decoder"), ct2.layers("encoder")
        self.add("decoder.positional_embedding", ct2.f16("decoder/position_encodings/encodings"))
        self.add("encoder.positional_embedding", ct2.f16("encoder/position_encodings/encodings"))
        self.add("decoder.token_embedding.weight", ct2.f16("decoder/embeddings/weight"))
        for i in range(decoder):
            self.block(f"decoder.blocks.{i}", f"decoder/layer_{i}", cross=True)
        self.norm("decoder.ln", "decoder/layer_norm")
        for conv in ("conv1", "conv2"):
            self.add(f"encoder.{conv}.weight", ct2.f16(f"encoder/{conv}/weight"))
            dims, raw = ct2.f16(f"encoder/{conv}/bias")
            self.add(f"encoder.{conv}.bias", (dims + [1], raw))
        for i in range(encoder):
            self.block(f"encoder.blocks.{i}", f"encoder/layer_{i}", cross=False)
        self.norm("encoder.ln_post", "encoder/layer_norm")

    def add(self, name, tensor):
        self.out.append((name, *tensor))

    def linear(self, name, source):
        self.add(name + ".weight", self.ct2.f16(source + "/weight"))
        self.add(name + ".bias", self.ct2.f16(source + "/bias"))

    def norm(self, name, source):
        self.add(name + ".weight", self.ct2.f16(source + "/gamma"))
        self.add(name + ".bias", self.ct2.f16(source + "/beta"))

    def part(self, source, i, n):
        """CTranslate2 fuses query, key and value into one matrix of n row blocks: block i."""
        (rows, columns), weight = self.ct2.f16(source + "/weight")
        _, bias = self.ct2.f16(source + "/bias")
        r = rows // n
        weight = weight[i * r * columns * 2 : (i + 1) * r * columns * 2]
        return ([r, columns], weight), ([r], bias[i * r * 2 : (i + 1) * r * 2])

    def attention(self, name, source, cross):
        if cross:
            query = self.part(source + "/linear_0", 0, 1)
            key, value = self.part(source + "/linear_1", 0, 2), self.part(source + "/linear_1", 1, 2)
            out = source + "/linear_2"
        else:
            query, key, value = (self.part(source + "/linear_0", i, 3) for i in range(3))
            out = source + "/linear_1"
        if any(bytes(key[1][1])):
            sys.exit(f"{source}: key bias is not zero")
        self.add(name + ".query.weight", query[0])
        self.add(name + ".query.bias", query[1])
        self.add(name + ".key.weight", key[0])
        self.add(name + ".value.weight", value[0])
        self.add(name + ".value.bias", value[1])
        self.linear(name + ".out", out)

    def block(self, name, source, cross):
        self.norm(name + ".mlp_ln", source + "/ffn/layer_norm")
        self.linear(name + ".mlp.0", source + "/ffn/linear_0")
        self.linear(name + ".mlp.2", source + "/ffn/linear_1")
        self.norm(name + ".attn_ln", source + "/self_attention/layer_norm")
        self.attention(name + ".attn", source + "/self_attention", cross=False)
        if cross:
            self.norm(name + ".cross_attn_ln", source + "/attention/layer_norm")
            self.attention(name + ".cross_attn", source + "/attention", cross=True)


def mel_filters(n_mels):
    """librosa.filters.mel (Slaney scale and norm), rounded like whisper's mel_filters.npz."""
    hz_per_mel, log_from_hz = 200.0 / 3, 1000.0
    log_from_mel, log_step = log_from_hz / hz_per_mel, math.log(6.4) / 27.0

    def to_mel(hz):
        return hz / hz_per_mel if hz < log_from_hz else log_from_mel + math.log(hz / log_from_hz) / log_step

    def to_hz(mel):
        return hz_per_mel * mel if mel < log_from_mel else log_from_hz * math.exp(log_step * (mel - log_from_mel))

    def f32(x):
        return struct.unpack("<f", struct.pack("<f", x))[0]

    bins, top = 1 + FFT_SIZE // 2, to_mel(SAMPLE_RATE / 2)
    points = [to_hz(top * i / (n_mels + 1)) for i in range(n_mels + 1)] + [to_hz(top)]
    rows = []
    for low, middle, high in zip(points, points[1:], points[2:]):
        norm = 2.0 / (high - low)
        hz = [b * SAMPLE_RATE / FFT_SIZE for b in range(bins)]
        rows.append([f32(max(0.0, min((f - low) / (middle - low), (high - f) / (high - middle)))) * norm for f in hz])
    return bins, rows


def token_bytes():
    """GPT-2's table from printable characters back to bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(b): b for b in plain}
    for n, b in enumerate(b for b in range(256) if b not in plain):
        table[chr(256 + n)] = b
    return table


def vocabulary(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else text.split("\n")


def write(out, ct2, vocab):
    n_vocab, width = ct2.tensors["decoder/embeddings/weight"][0]
    audio_context = ct2.tensors["encoder/position_encodings/encodings"][0][0]
    text_context = ct2.tensors["decoder/position_encodings/encodings"][0][0]
    n_mels = ct2.tensors["encoder/conv1/weight"][0][1]
    encoder = (width, ct2.scalar("encoder/num_heads"), ct2.layers("encoder"))
    decoder = (width, ct2.scalar("decoder/num_heads"), ct2.layers("decoder"))
    numbers = (MAGIC, n_vocab, audio_context, *encoder, text_context, *decoder, n_mels, FILE_TYPE_F16)
    out.write(struct.pack("<12i", *numbers))
    bins, rows = mel_filters(n_mels)
    out.write(struct.pack("<2i", n_mels, bins))
    for row in rows:
        out.write(struct.pack(f"<{bins}f", *row))
    table, count = token_bytes(), vocab.index("<|endoftext|>")
    out.write(struct.pack("<i", count))
    for token in vocab[:count]:
        raw = bytes(table[c] for c in token)
        out.write(struct.pack("<i", len(raw)) + raw)
    for name, dims, raw in GgmlNames(ct2).out:
        write_tensor(out, name, dims, raw)


def write_tensor(out, name, dims, raw):
    """Vectors, biases and positions are float32 in the published files, matrices float16."""
    wide = len(dims) < 2 or name.endswith("positional_embedding") or name in ("encoder.conv1.bias", "encoder.conv2.bias")
    label = name.encode()
    out.write(struct.pack("<3i", len(dims), len(label), 0 if wide else 1))
    out.write(struct.pack(f"<{len(dims)}i", *reversed(dims)) + label)
    if wide:
        count = len(raw) // 2
        raw = struct.pack(f"<{count}f", *struct.unpack(f"<{count}e", raw))
    out.write(raw)


def main(target, vocab, parts):
    ct2 = Ct2Model(b"".join(pathlib.Path(p).read_bytes() for p in parts))
    with open(target, "wb") as out:
        write(out, ct2, vocabulary(pathlib.Path(vocab)))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
