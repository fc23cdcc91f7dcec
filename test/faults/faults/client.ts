/** Clients who leave. */
import { bulk, chat, longSpeech, search, speech, transcription } from '../calls.ts'
import type { Fault } from '../fault.ts'

export const clientFaults: readonly Fault[] = [
  {
    name: 'client/leaves-response',
    says: 'clients leave while their responses are sent',
    runs: 20,
    load: { leaving: 0.6, leavingIn: 'response', kinds: [longSpeech, chat, chat, speech, search] },
    strike: (_, load) => load.calls(60),
  },
  {
    name: 'client/leaves-upload',
    says: 'clients leave in the middle of what they send',
    runs: 20,
    load: { leaving: 0.6, leavingIn: 'request', kinds: [transcription, bulk, search] },
    strike: (_, load) => load.calls(60),
  },
]
