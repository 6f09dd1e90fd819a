/** 16-bit PCM as a WAV file. */
export function wavFile(rate: number, channels: readonly Int16Array[]): Buffer {
  const frames = channels[0]?.length ?? 0
  const frame = channels.length * 2
  const file = Buffer.alloc(44 + frames * frame)
  file.write('RIFF', 0)
  file.writeUInt32LE(36 + frames * frame, 4)
  file.write('WAVEfmt ', 8)
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(channels.length, 22)
  file.writeUInt32LE(rate, 24)
  file.writeUInt32LE(rate * frame, 28)
  file.writeUInt16LE(frame, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36)
  file.writeUInt32LE(frames * frame, 40)
  channels.forEach((samples, channel) => samples.forEach((sample, n) => file.writeInt16LE(sample, 44 + n * frame + channel * 2)))
  return file
}
