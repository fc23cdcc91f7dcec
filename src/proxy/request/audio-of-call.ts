/** Reads the audio in a call's form: how long it lasts, where the price counts that, and whether it is any. */
import type { FileContent } from '../../pricing/price-kind.ts'
import { componentsOf, type PriceRule } from '../../pricing/price-rule.ts'
import type { Refusal } from '../../problems/refusal.ts'
import { readAudio } from './audio/read-audio.ts'
import type { AudioFile } from './multipart-body.ts'
import type { CallBody } from './request-body.ts'
import { bodyRefusal } from './take-body.ts'

/** Whether the audio has to be read before the call is forwarded. */
export function needsReading({ audio = [] }: CallBody, price: PriceRule): boolean {
  return audio.some((file) => isNeeded(file, price))
}

function isNeeded({ name, unlessAudio }: AudioFile, price: PriceRule): boolean {
  return unlessAudio !== undefined || countsAudio(price, name)
}

function countsAudio(price: PriceRule, name: string): boolean {
  return componentsOf(price).some(
    (component) => component.per === 'second' && component.hold.audio === name,
  )
}

/** The body with what is found in its files, or why the call is refused. */
export async function readAudioOf(
  body: CallBody,
  price: PriceRule,
  accountId: string,
): Promise<CallBody | { readonly refusal: Refusal }> {
  const files: Record<string, FileContent> = { ...body.content.files }
  for (const file of body.audio ?? []) {
    if (!isNeeded(file, price)) continue
    const { name, bytes, unlessAudio } = file
    const audio = await readAudio(bytes, accountId)
    if (audio === undefined) return { refusal: tooManyFiles }
    const { container, ...duration } = audio
    if (unlessAudio && container === undefined) return { refusal: bodyRefusal(unlessAudio.refusal) }
    files[name] = { bytes: bytes.length, ...duration }
  }
  return { ...body, content: { ...body.content, files } }
}

const tooManyFiles: Refusal = {
  code: 'concurrency_exceeded',
  detail: 'The gateway has as many audio files of the account to read as it takes at once.',
  headers: { 'Retry-After': '1' },
}
