/** Clients who leave, or do not read. */
import { bulk, chat, hugeSpeech, longSpeech, search, speech, transcription } from '../calls.ts'
import { expectThat, type Fault } from '../fault.ts'

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
  {
    name: 'client/does-not-read',
    says: 'clients stop reading long responses for longer than an upstream may take, and then read on',
    runs: 20,
    load: {
      stalling: 0.6,
      leaving: 0,
      careful: 0,
      kinds: [hugeSpeech, chat, search, search, search],
    },
    async strike({ calls }, load) {
      const before = calls.length
      await load.calls(30)
      const stalled = calls
        .slice(before)
        .filter(({ kind, stalled }) => stalled && kind === hugeSpeech)
      const whole = stalled.filter(({ whole, status }) => whole && status === 200)
      // On a busy machine an upstream can be too slow by itself, but not all of them.
      expectThat(whole.length > 0 || stalled.length < 3, `none of ${stalled.length} is whole`)
    },
  },
]
