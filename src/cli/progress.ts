/** Progress on stderr: a bar where there is a terminal to draw it on, and lines in a log where asked for. */
import cliProgress from 'cli-progress'
import { formatNumber } from './output.ts'

export interface Progress {
  /** `done` of `total`; another name begins another bar. */
  show(what: string, total: number, done: number): void
  stop(): void
}

const lineEveryMs = 10_000

/** @param lines where there is no terminal, a line now and then, and one at each end; otherwise nothing there */
export function openProgress({ lines = false } = {}): Progress {
  const onTerminal = Boolean(process.stderr.isTTY) && process.env.TERM !== 'dumb'
  if (onTerminal) return openBar()
  return lines ? openLines() : { show() {}, stop() {} }
}

function openBar(): Progress {
  let bar: cliProgress.SingleBar | undefined
  let shown = ''
  let rate = openRate(0)

  function stop(): void {
    bar?.stop()
    bar = undefined
  }

  return {
    show(what, total, done) {
      if (what !== shown) {
        stop()
        shown = what
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
  let shown = ''
  let rate = openRate(0)
  let saidAt = 0
  return {
    show(what, total, done) {
      if (what !== shown) {
        shown = what
        rate = openRate(done)
      } else if (done < total && performance.now() - saidAt < lineEveryMs) return
      saidAt = performance.now()
      console.error(`${what}: ${formatNumber(done)} of ${formatNumber(total)}${rate(total, done)}`)
    },
    stop() {},
  }
}

/** How fast it goes and how long it takes yet, in words; nothing in the first second. */
function openRate(from: number): (total: number, done: number) => string {
  const startedAt = performance.now()
  return (total, done) => {
    const seconds = (performance.now() - startedAt) / 1_000
    const perSecond = (done - from) / seconds
    if (seconds < 1 || perSecond < 1) return ''
    const left = done < total ? `, ${span((total - done) / perSecond)} left` : ''
    return `, ${formatNumber(Math.round(perSecond))}/s${left}`
  }
}

function span(seconds: number): string {
  const whole = Math.ceil(seconds)
  return whole < 90 ? `${whole} s` : `${Math.ceil(whole / 60)} min`
}
