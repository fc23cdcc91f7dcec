/** Structured logs on stderr, so that stdout stays free for what a command answers. */
import pino from 'pino'

export function openLog(level: 'info' | 'warn') {
  return pino(
    {
      level: process.env.LOG_LEVEL ?? level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: pino.stdSerializers.err },
    },
    pino.destination({ fd: 2, sync: true }),
  )
}
