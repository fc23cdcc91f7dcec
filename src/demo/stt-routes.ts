/**
 * The demo speech-to-text API. It recognises no speech, and its transcript says so. But it reads the audio, so the
 * duration that it returns is that of the audio.
 */

import { parseBuffer } from 'music-metadata'
import { type Routes, unprocessable } from './http.ts'
import { measureWav } from './wav.ts'

const models = {
  whisper: ['demo-base', 'no-duration'],
  voxtral: ['demo-mini'],
  default_whisper: 'demo-base',
}

export const sttRoutes: Routes = {
  'GET /models': () => Response.json(models),
  'POST /transcribe': async (request, url) => {
    const form = await request.formData().catch(() => undefined)
    if (!form) return unprocessable({ field: '', message: 'The body is not multipart/form-data' })
    const file = form.get('file')
    if (!(file instanceof Blob)) return unprocessable({ field: 'file', message: 'Field required' })
    const audio = await measure(file)
    if (!audio) return Response.json({ detail: 'The file is not readable audio' }, { status: 400 })

    // Any name of a model is accepted, so that a program that was written for the real API runs here too.
    const model = textField(form, 'model') ?? models.default_whisper
    // The real API often omits the duration, and whoever bills by it must cope with that.
    const omitDuration = model === 'no-duration' || url.searchParams.has('omitDuration')
    return Response.json({
      text: transcriptOf(audio),
      language: textField(form, 'language') ?? 'en',
      model,
      ...(!omitDuration && { duration_seconds: Number(audio.durationSeconds.toFixed(3)) }),
    })
  },
}

interface Audio {
  readonly durationSeconds: number
  readonly loudnessDbfs?: number
}

async function measure(file: Blob): Promise<Audio | undefined> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  const pcm = measureWav(bytes)
  if (pcm) return pcm
  try {
    const { format } = await parseBuffer(bytes, { mimeType: file.type }, { duration: true })
    return format.duration === undefined ? undefined : { durationSeconds: format.duration }
  } catch {
    return undefined
  }
}

function transcriptOf({ durationSeconds, loudnessDbfs }: Audio): string {
  const loudness = loudnessDbfs === undefined ? 'not measured' : `${loudnessDbfs.toFixed(1)} dBFS`
  const seconds = durationSeconds.toFixed(1)
  return `Demo transcript: ${seconds} s of audio, loudness ${loudness}. No speech was recognised.`
}

function textField(form: FormData, name: string): string | undefined {
  const value = form.get(name)
  return typeof value === 'string' && value !== '' ? value : undefined
}
