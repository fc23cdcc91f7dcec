/** What pages are made of. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { printable } from '../../lib/printable-text.ts'
import type { ApiError } from './api.ts'
import { timeText } from './format.ts'
import type { Data } from './use-data.ts'

/** A text that somebody stored: it is shown as it is, and moves nothing around it, in whichever direction it is written. */
export function Stored({ text }: { text: string }) {
  return <bdi>{printable(text)}</bdi>
}

export function Panel(props: {
  title: string
  /** What belongs to the title, such as a button. */
  aside?: ComponentChildren
  children: ComponentChildren
}) {
  return (
    <section class="panel" aria-label={props.title}>
      <div class="panel-head">
        <h2>{props.title}</h2>
        {props.aside}
      </div>
      {props.children}
    </section>
  )
}

/** Shows what was asked for when it is there, and before that a box as high as it will be. */
export function Loaded<T>(props: {
  data: Data<T>
  height: 'low' | 'high'
  children: (value: T) => ComponentChildren
}) {
  const { value, error, at, reload } = props.data
  return (
    <>
      {error && <Failure error={error} shownAt={at} retry={reload} />}
      {value !== undefined
        ? props.children(value)
        : !error && (
            <div class={`skeleton ${props.height}`} role="status">
              <span class="unseen">Loading</span>
            </div>
          )}
    </>
  )
}

/** What went wrong, and what to name when asking for help. */
export function Failure(props: {
  error: ApiError
  shownAt?: Date | undefined
  retry?: (() => void) | undefined
}) {
  const { error, shownAt, retry } = props
  return (
    <div class="failure" role="alert">
      {error.faults.length > 1 ? (
        <ul>
          {error.faults.map((fault) => (
            <li key={fault}>
              <Stored text={fault} />
            </li>
          ))}
        </ul>
      ) : (
        <p>
          <Stored text={error.message} />
        </p>
      )}
      {error.requestId && (
        <p>
          Request <code>{error.requestId}</code>
        </p>
      )}
      {shownAt && <p>What is shown is as of {timeText(shownAt.toISOString())}.</p>}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** What to do where there is nothing to show. */
export function Empty(props: { children: ComponentChildren; curl?: string }) {
  return (
    <div class="empty">
      <p>{props.children}</p>
      {props.curl && <Copyable text={props.curl} label="Copy the command" />}
    </div>
  )
}

/** A text with a button that copies it. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const [isCopied, setCopied] = useState(false)
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    )
  return (
    <div class="copyable">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <code tabIndex={0}>{text}</code>
      <button type="button" onClick={copy} aria-label={label}>
        {isCopied ? 'Copied' : 'Copy'}
      </button>
    </div>
  )
}

/** One of a few, which is chosen from a list. */
export function Choice(props: {
  label: string
  value: string
  options: readonly (readonly [string, string])[]
  onChoose(value: string): void
}) {
  return (
    <label>
      {props.label}
      <select value={props.value} onChange={(event) => props.onChoose(event.currentTarget.value)}>
        {props.options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

/** What is known of one thing, by name. */
export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

export interface Column<Row> {
  readonly head: string
  readonly isFigure?: boolean
  readonly cell: (row: Row) => ComponentChildren
}

/** A table that becomes a list of entries on a narrow screen. */
export function Table<Row>(props: {
  caption: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  keyOf: (row: Row) => string
}) {
  const { caption, columns, rows, keyOf } = props
  const classOf = ({ isFigure }: Column<Row>) => (isFigure ? 'figure' : undefined)
  return (
    <table>
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.head} scope="col" class={classOf(column)}>
              {column.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map((column) => (
              <td key={column.head} data-head={column.head} class={classOf(column)}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** A window over the page, which the keyboard cannot leave but by closing it. */
export function Dialog(props: { title: string; onClose(): void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} onClose={props.onClose} aria-label={props.title}>
      <h2>{props.title}</h2>
      {props.children}
    </dialog>
  )
}

/** The end of a form in a dialog. */
export function SubmitOrCancel(props: {
  /** What the form does. */
  readonly verb: string
  readonly isDangerous?: boolean | undefined
  readonly isBusy?: boolean
  onCancel(): void
}) {
  return (
    <div class="buttons">
      <button type="submit" class={props.isDangerous ? 'danger' : 'main'} disabled={props.isBusy}>
        {props.verb}
      </button>
      <button type="button" onClick={props.onCancel}>
        Cancel
      </button>
    </div>
  )
}
