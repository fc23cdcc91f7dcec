/** The demo text-to-speech API: tones instead of a voice, as long as speaking the text would take. */

import { Type } from '@sinclair/typebox'
import { type Routes, readJson, unprocessable } from './http.ts'
import { planTones, sampleRate, type TonePlan } from './tones.ts'
import { wavHeader } from './wav.ts'

const maxCharacters = 5_000
/** Longer audio is sent while it is made. */
const streamAboveSeconds = 20

const synthesizeBody = Type.Object({
  text: Type.String({ pattern: '\\S' }),
  // Any name of a voice is accepted, so that a program that was written for the real API runs here too.
  voice: Type.Optional(Type.String({ pattern: '^[\\w.-]{1,64}$' })),
  speed: Type.Optional(Type.Number({ minimum: 0.5, maximum: 2 })),
  output_format: Type.Optional(Type.Union([Type.Literal('wav'), Type.Literal('mp3')])),
})

const voices = {
  kokoro_voices: [
    { id: 'demo_one', name: 'One', description: 'Tones, not a voice', type: 'demo' },
    { id: 'demo_two', name: 'Two', description: 'Other tones, not a voice', type: 'demo' },
  ],
  custom_voices: [],
}

export const ttsRoutes: Routes = {
  'GET /voices': () => Response.json(voices),
  'POST /synthesize/auto': async (request) => {
    const body = await readJson(request, synthesizeBody)
    if (!body.ok) return unprocessable(body)
    const { text, voice = 'demo_one', speed = 1, output_format: format = 'wav' } = body.value
    if ([...text].length > maxCharacters) {
      return unprocessable({ field: 'text', message: `Longer than ${maxCharacters} characters` })
    }
    const planned = planTones(text, voice, speed)
    const durationSeconds = planned.sampleCount / sampleRate
    const parts = partsOf(planned)
    const whole = durationSeconds <= streamAboveSeconds
    return new Response(whole ? new Blob([...parts]) : streamOf(parts), {
      headers: {
        'Content-Type': 'audio/wav',
        'X-Voice': voice,
        'X-Duration': durationSeconds.toFixed(3),
        'X-Sample-Rate': String(sampleRate),
        ...(format === 'mp3' && { 'X-Demo-Note': 'mp3 cannot be made by the demo: this is WAV' }),
      },
    })
  },
}

function* partsOf(planned: TonePlan): Generator<Uint8Array<ArrayBuffer>> {
  yield wavHeader(planned.sampleCount, sampleRate)
  yield* planned.sounds()
}

/** Makes a part only when the reader asks for one, so a slow reader keeps no audio in memory. */
function streamOf(parts: Iterator<Uint8Array<ArrayBuffer>>): ReadableStream {
  return new ReadableStream({
    pull(controller) {
      const { value, done } = parts.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}
