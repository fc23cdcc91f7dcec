import type { ComponentChildren } from 'preact'
import { usePage } from './context.ts'

/** A link to another page of the same site, which needs no new document. */
export function Link(props: { to: string; children: ComponentChildren; isCurrent?: boolean }) {
  const { go } = usePage()
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    go(props.to)
  }
  return (
    <a href={props.to} onClick={follow} aria-current={props.isCurrent ? 'page' : undefined}>
      {props.children}
    </a>
  )
}
