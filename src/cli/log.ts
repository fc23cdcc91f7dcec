/**
 * Structured logs on stderr, which keeps stdout free for results.
 *
 * `error` and `warn` are for whoever is on call. `info` says what was managed, and when a process started and stopped.
 * `debug` has a line for each call. LOG_LEVEL chooses.
 */
import pino from 'pino'
import { operatorKeyPrefix } from '../config/operator-key-prefix.ts'
import { printableLines } from '../lib/printable-text.ts'
import { redactor } from '../lib/redact.ts'
import { loggedError } from './logged-error.ts'

/** Headers that hold secrets. Their values are removed, should anybody log headers. */
const secretHeaders = ['authorization', 'x-api-key', 'cookie']

/**
 * @param secrets what no line may repeat, beside what looks like a key or a token
 * @param everywhere what each line says
 */
export function openLog(
  level: 'info' | 'warn',
  secrets: readonly string[] = [],
  everywhere: Readonly<Record<string, unknown>> | null = null,
) {
  const { LOG_LEVEL, API_KEY_PREFIX_LIVE = '', API_KEY_PREFIX_TEST = '' } = process.env
  const prefixes = [
    ...['sk_live_', 'sk_test_', operatorKeyPrefix],
    ...[API_KEY_PREFIX_LIVE, API_KEY_PREFIX_TEST],
  ]
  const redact = redactor(
    prefixes.filter((prefix) => prefix !== ''),
    secrets,
  )
  return pino(
    {
      level: LOG_LEVEL || level,
      base: everywhere,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (name) => ({ level: name }) },
      serializers: { err: loggedError },
      redact: secretHeaders.flatMap((name) => [`headers["${name}"]`, `*.headers["${name}"]`]),
      hooks: {
        streamWrite: (line) => printableLines(redact(line)),
      },
    },
    pino.destination({ fd: 2, sync: true }),
  )
}
