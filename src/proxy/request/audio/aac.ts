/** AAC in containers: how long a frame lasts, by its AudioSpecificConfig (ISO 14496-3). */
import { aacRates } from './mpeg.ts'

/** The seconds of a frame; undefined for kinds whose frames differ. */
export function aacFrameSeconds(config: Uint8Array): number | undefined {
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = config
  const kind = first >> 3
  const index = ((first & 7) << 1) | (second >> 7)
  const explicit = ((second & 0x7f) << 17) | (third << 9) | (fourth << 1) | (fifth >> 7)
  // What is spectrally replicated has this rate and this length, too, before it is.
  const rate = index === 15 ? explicit : aacRates[index]
  if (config.length < 2 || !rate || !usualKinds.has(kind)) return undefined
  return 1_024 / rate
}

/** The bytes that a frame has at most; undefined where the config does not say how many channels there are. */
export function aacMaxBytes(config: Uint8Array): number | undefined {
  const [first = 0, second = 0, , , fifth = 0] = config
  const isExplicit = (((first & 7) << 1) | (second >> 7)) === 15
  const channels = isExplicit ? (fifth & 0x7f) >> 3 : (second >> 3) & 15
  return aacBytesOfChannels(channels)
}

/** By the number that says in headers which channels there are: 6,144 bits for each (ISO 13818-7). */
export function aacBytesOfChannels(configuration: number): number | undefined {
  const channels = configuration === 7 ? 8 : configuration
  return channels >= 1 && channels <= 8 ? channels * 768 : undefined
}

/** Main, LC, SSR, LTP; with spectral band replication, and with parametric stereo. */
const usualKinds = new Set([1, 2, 3, 4, 5, 29])
