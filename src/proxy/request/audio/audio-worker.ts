/** The thread that reads audio files for read-audio.ts. It may be ended at any moment. */
import { parentPort } from 'node:worker_threads'
import { parseBuffer } from 'music-metadata'
import { countSeconds } from './count-seconds.ts'
import { type Counted, claimedAs, textAt } from './counted.ts'
import { afterTags } from './mpeg.ts'

parentPort?.on('message', async (bytes: Uint8Array) => {
  parentPort?.postMessage(await read(bytes).catch(() => ({})))
})
parentPort?.postMessage('ready')

async function read(bytes: Uint8Array): Promise<Partial<Counted>> {
  const counted = countSeconds(bytes)
  if (counted !== undefined) return counted
  if (!mayBeRead(bytes)) return {}
  const { format } = await parseBuffer(bytes, {}, { skipCovers: true })
  return format.container === undefined ? {} : claimedAs(format.container, format.duration)
}

/** ASF (WMA), Monkey's Audio, WavPack, Musepack and DSD: their headers are read, and their sound is not counted. */
function mayBeRead(bytes: Uint8Array): boolean {
  const head = textAt(bytes, afterTags(bytes), 4)
  return (
    head.startsWith('MP+') || ['0&\xb2u', 'MAC ', 'wvpk', 'MPCK', 'DSD ', 'FRM8'].includes(head)
  )
}
