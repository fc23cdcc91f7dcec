/** The thread that reads audio headers for audio.ts. It may be ended at any moment. */
import { parentPort } from 'node:worker_threads'
import { parseBuffer } from 'music-metadata'
import type { Audio, AudioFile } from './audio.ts'

parentPort?.on('message', async (file: AudioFile) => {
  parentPort?.postMessage(await read(file))
})
parentPort?.postMessage('ready')

async function read({ bytes, mimeType }: AudioFile): Promise<Audio> {
  // The bytes of a file say better what it is than its label. Where they do not, a label can still help.
  for (const hint of [undefined, mimeType]) {
    try {
      const { format } = await parseBuffer(bytes, hint === undefined ? {} : { mimeType: hint }, {
        duration: true,
        skipCovers: true,
      })
      const { container, duration } = format
      if (container === undefined) continue
      const known = duration !== undefined && Number.isFinite(duration) && duration > 0
      return { container, ...(known && { seconds: duration }) }
    } catch {
      // Not readable, or not with this hint: the file may be audio nonetheless.
    }
  }
  return {}
}
