import { useState } from 'preact/hooks'

/** An Idempotency-Key, made when a dialog opens: however often its button is pressed, it is done once. */
export function useOnce(): string {
  const [key] = useState(() => crypto.randomUUID())
  return key
}
