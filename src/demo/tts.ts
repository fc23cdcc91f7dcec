/**
 * The demo text-to-speech service: tones instead of a voice, as long as the text would take to
 * speak, in the shapes of a real service.
 */

import { Type } from '@sinclair/typebox'
import { type Routes, readJson, unprocessable } from './http.ts'
import { type Plan, plan, sampleRate } from './tones.ts'
import { wavHeader } from './wav.ts'

const maxCharacters = 5_000
/** Longer audio is sent while it is being made. */
const streamAboveSeconds = 20

const synthesizeBody = Type.Object({
  text: Type.String({ pattern: '\\S' }),
  // Any voice's name is taken, so that a program written for the real service runs here too.
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
    const planned = plan(text, voice, speed)
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

function* partsOf(planned: Plan): Generator<Uint8Array<ArrayBuffer>> {
  yield wavHeader(planned.sampleCount, sampleRate)
  yield* planned.sounds()
}

/** One part for each time the reader asks: a slow reader holds no audio in memory. */
function streamOf(parts: Iterator<Uint8Array<ArrayBuffer>>): ReadableStream {
  return new ReadableStream({
    pull(controller) {
      const { value, done } = parts.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}
