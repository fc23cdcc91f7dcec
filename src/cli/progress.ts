/** Prints progress on stderr: a bar on a terminal, lines elsewhere where a command asks for them. */
import cliProgress from 'cli-progress'
import { formatNumber } from './output.ts'

interface Progress {
  /** Shows `done` of `total`. Another name begins another bar. */
  show(what: string, total: number, done: number): void
  stop(): void
}

const minLineIntervalMs = 10_000

/** @param lines whether to print lines where there is no terminal: a first, a last, and one every ten seconds */
export function openProgress({ lines = false } = {}): Progress {
  const onTerminal = Boolean(process.stderr.isTTY) && process.env.TERM !== 'dumb'
  if (onTerminal) return openBar()
  return lines ? openLines() : { show() {}, stop() {} }
}

function openBar(): Progress {
  let bar: cliProgress.SingleBar | undefined
  let current = ''
  let rate = openRate(0)

  function stop(): void {
    bar?.stop()
    bar = undefined
  }

  return {
    show(what, total, done) {
      if (what !== current) {
        stop()
        current = what
        rate = openRate(done)
        bar = new cliProgress.SingleBar({
          format: `${what.padEnd(10)} {bar} {value} of {total}{rate}`,
          barCompleteChar: '█',
          barIncompleteChar: '░',
          hideCursor: true,
          clearOnComplete: true,
          stream: process.stderr,
        })
        bar.start(total, done, { rate: '' })
      }
      bar?.setTotal(total)
      bar?.update(done, { rate: rate(total, done) })
    },
    stop,
  }
}

function openLines(): Progress {
  let current = ''
  let rate = openRate(0)
  let printedAtMs = 0
  return {
    show(what, total, done) {
      if (what !== current) {
        current = what
        rate = openRate(done)
      } else if (done < total && performance.now() - printedAtMs < minLineIntervalMs) return
      printedAtMs = performance.now()
      console.error(`${what}: ${formatNumber(done)} of ${formatNumber(total)}${rate(total, done)}`)
    },
    stop() {},
  }
}

/** Returns a function that says the rate and the time left. It says nothing in the first second. */
function openRate(first: number): (total: number, done: number) => string {
  const startedAt = performance.now()
  return (total, done) => {
    const seconds = (performance.now() - startedAt) / 1_000
    const perSecond = (done - first) / seconds
    if (seconds < 1 || perSecond < 1) return ''
    const left = done < total ? `, ${span((total - done) / perSecond)} left` : ''
    return `, ${formatNumber(Math.round(perSecond))}/s${left}`
  }
}

function span(seconds: number): string {
  const whole = Math.ceil(seconds)
  return whole < 90 ? `${whole} s` : `${Math.ceil(whole / 60)} min`
}
