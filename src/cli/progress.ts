/** A progress bar on stderr, where there is a terminal to draw it on. */
import cliProgress from 'cli-progress'

export interface Progress {
  /** `done` of `total`; another name begins another bar. */
  show(what: string, total: number, done: number): void
  stop(): void
}

export function openProgress(): Progress {
  let bar: cliProgress.SingleBar | undefined
  let shown = ''

  function stop(): void {
    bar?.stop()
    bar = undefined
  }

  return {
    show(what, total, done) {
      if (!process.stderr.isTTY || process.env.TERM === 'dumb') return
      if (what !== shown) {
        stop()
        shown = what
        bar = new cliProgress.SingleBar({
          format: `${what.padEnd(10)} {bar} {value} of {total}`,
          barCompleteChar: '█',
          barIncompleteChar: '░',
          hideCursor: true,
          clearOnComplete: true,
          stream: process.stderr,
        })
        bar.start(total, done)
      }
      bar?.update(done)
    },
    stop,
  }
}
