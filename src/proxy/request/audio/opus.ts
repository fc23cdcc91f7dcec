/** Opus (RFC 6716): a packet's first byte says how long its frames last, and how many there are. */

/** Packets last no longer. */
const maxSeconds = 0.12
/** Nor are they longer: 48 frames of 1,275 bytes, and what says so. */
export const maxOpusBytes = 61_298

export function opusSeconds(packet: Uint8Array): number {
  const [head, second = 0] = packet
  if (head === undefined) return 0
  const code = head & 3
  const frames = code === 0 ? 1 : code < 3 ? 2 : second & 63
  return Math.min(frames * frameSeconds(head >> 3), maxSeconds)
}

function frameSeconds(config: number): number {
  if (config < 12) return [0.01, 0.02, 0.04, 0.06][config & 3] as number
  if (config < 16) return [0.01, 0.02][config & 1] as number
  return [0.0025, 0.005, 0.01, 0.02][config & 3] as number
}
