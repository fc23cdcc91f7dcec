import { Copyable } from './parts.tsx'

/** A key is shown when it is made, and never again. */
export function ShownKey({ text, onClose }: { text: string; onClose(): void }) {
  return (
    <>
      <p>
        <strong>Copy the key now.</strong> It is stored nowhere, and cannot be shown again.
      </p>
      <Copyable text={text} label="Copy the key" />
      <div class="buttons">
        <button type="button" class="main" onClick={onClose}>
          I have copied it
        </button>
      </div>
    </>
  )
}
