/** Callers who leave. */
import { bulk, chat, longSpeech, search, speech, transcription } from '../calls.ts'
import type { Fault } from '../fault.ts'

export const callerFaults: readonly Fault[] = [
  {
    name: 'caller/leaves-answer',
    says: 'callers leave while they are answered',
    runs: 20,
    load: { leaving: 0.6, leavingIn: 'answer', kinds: [longSpeech, chat, chat, speech, search] },
    strike: (_, load) => load.calls(60),
  },
  {
    name: 'caller/leaves-upload',
    says: 'callers leave in the middle of what they send',
    runs: 20,
    load: { leaving: 0.6, leavingIn: 'request', kinds: [transcription, bulk, search] },
    strike: (_, load) => load.calls(60),
  },
]
