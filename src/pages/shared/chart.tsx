/** A chart over time of series that are stacked, with a sentence that says what it shows and a table of its figures. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type uPlotType from 'uplot'
import { type Column, Table } from './parts.tsx'

export interface ChartSeries {
  readonly name: string
  /** By step; null: nothing is known. */
  readonly figures: readonly (number | null)[]
  /** A figure that is expected, not known: it is hatched. */
  readonly isForecast?: boolean
  /** Which of the colours of series. */
  readonly color: number
}

interface ChartProps {
  readonly title: string
  /** What it shows, for whoever does not see it. */
  readonly sentence: ComponentChildren
  /** When each step begins, in seconds since 1970. */
  readonly times: readonly number[]
  readonly series: readonly ChartSeries[]
  readonly shape: 'areas' | 'bars'
  readonly figureText: (figure: number) => string
  /** The same without a word, beside the axis. */
  readonly axisText: (figure: number) => string
  readonly stepText: (seconds: number) => string
  /** Vertical marks, such as of lots that lapse. */
  readonly marks?: readonly { readonly at: number; readonly text: string }[]
}

export function Chart(props: ChartProps) {
  const { title, sentence, times, series, stepText, figureText } = props
  const columns: Column<number>[] = [
    { head: 'Time (UTC)', cell: (step) => stepText(times[step] ?? 0) },
    ...series.map(
      ({ name, figures }): Column<number> => ({
        head: name,
        isFigure: true,
        cell: (step) => (figures[step] == null ? '' : figureText(figures[step])),
      }),
    ),
  ]
  const rows = times.map((_, step) => step).filter((step) => series.some((s) => s.figures[step]))
  return (
    <figure class="chart">
      <figcaption>{sentence}</figcaption>
      <Drawing {...props} />
      <ul class="legend" aria-hidden="true">
        {series.map(({ name, color, isForecast }) => (
          <li key={`${name}${isForecast}`}>
            <span class={`swatch color-${color}${isForecast ? ' hatched' : ''}`} />
            {name}
          </li>
        ))}
      </ul>
      <details>
        <summary>Figures as a table</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <section class="scrolls" aria-label={`${title}: figures`} tabIndex={0}>
          <Table caption={title} columns={columns} rows={rows} keyOf={String} />
        </section>
      </details>
    </figure>
  )
}

/** The canvas. What draws it comes with the first chart, and is not needed to read a page. */
function Drawing(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const parent = box.current
    if (!parent) return
    let plot: uPlotType | undefined
    let isGone = false
    const colors = matchMedia('(prefers-color-scheme: dark)')
    const draw = async () => {
      const { default: UPlot } = await import('uplot')
      if (isGone) return
      plot?.destroy()
      plot = new UPlot(optionsOf(props, parent, UPlot), stacked(props), parent)
    }
    const resize = new ResizeObserver(() =>
      plot?.setSize({ width: parent.clientWidth, height: height }),
    )
    resize.observe(parent)
    colors.addEventListener('change', draw)
    void draw()
    return () => {
      isGone = true
      colors.removeEventListener('change', draw)
      resize.disconnect()
      plot?.destroy()
    }
  }, [props.times, props.series, props.shape])
  return <div ref={box} class="drawing" aria-hidden="true" />
}

const height = 220

/** Each series stands on those after it; the first is drawn first, and lies behind. */
function stacked({ times, series }: ChartProps): uPlotType.AlignedData {
  const sums = series.map(({ figures }, i) =>
    times.map((_, step) => {
      if (figures[step] == null) return null
      return series.slice(i).reduce((sum, other) => sum + (other.figures[step] ?? 0), 0)
    }),
  )
  return [[...times], ...sums] as uPlotType.AlignedData
}

function optionsOf(
  { times, series, shape, axisText, marks = [] }: ChartProps,
  parent: HTMLElement,
  UPlot: typeof uPlotType,
): uPlotType.Options {
  const style = getComputedStyle(parent)
  const color = (name: string) => style.getPropertyValue(name).trim()
  const axis = {
    ...{ stroke: color('--muted'), font: '12px system-ui, sans-serif' },
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1 },
  }
  const bars = UPlot.paths.bars?.({ size: [0.9, 60] })
  return {
    ...{ width: parent.clientWidth, height },
    // On the right is half of the name of the last day.
    padding: [12, 24, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.05 : 1] } },
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), 'UTC'),
    axes: [
      { ...axis, space: 70, values: (_, splits) => splits.map(timeOnAxis(times)) },
      {
        ...axis,
        size: (_, values) => 16 + 8 * Math.max(...(values ?? ['']).map((text) => text.length)),
        values: (_, splits) =>
          splits.map((split) => (Number.isInteger(split) ? axisText(split) : '')),
      },
    ],
    series: [
      {},
      ...series.map(({ color: number, isForecast }) => {
        const fill = color(`--series-${number}`)
        return {
          ...{ stroke: fill, width: 1, points: { show: false } },
          fill: (plot: uPlotType) => (isForecast ? hatched(plot.ctx, fill) : fill),
          ...(shape === 'bars' && bars && { paths: bars }),
        }
      }),
    ],
    hooks: { draw: [(plot) => drawMarks(plot, marks, color('--text'))] },
  }
}

/** `26 Jun`, and where a step is an hour its time, unless it is midnight. */
function timeOnAxis([first = 0, second = 0]: readonly number[]): (seconds: number) => string {
  const isHourly = second - first < 86_400
  return (seconds) => {
    const time = new Date(seconds * 1_000)
    const hour = time.toISOString().slice(11, 16)
    if (isHourly && hour !== '00:00') return hour
    return time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
  }
}

function hatched(context: CanvasRenderingContext2D, color: string): CanvasPattern | string {
  const size = 8
  const tile = document.createElement('canvas')
  tile.width = size
  tile.height = size
  const drawing = tile.getContext('2d')
  if (!drawing) return color
  drawing.strokeStyle = color
  drawing.lineWidth = 2
  drawing.beginPath()
  for (const from of [-size, 0, size]) {
    drawing.moveTo(from, size)
    drawing.lineTo(from + size, 0)
  }
  drawing.stroke()
  return context.createPattern(tile, 'repeat') ?? color
}

function drawMarks(plot: uPlotType, marks: NonNullable<ChartProps['marks']>, color: string): void {
  const { ctx, bbox } = plot
  for (const { at } of marks) {
    const x = Math.round(plot.valToPos(at, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.save()
    ctx.strokeStyle = color
    ctx.lineWidth = 2
    ctx.setLineDash([4, 4])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    ctx.restore()
  }
}
