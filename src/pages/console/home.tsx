/** Where an operator begins. */
import { FindCall } from './find-call.tsx'

export function HomePage() {
  return (
    <>
      <h1>Home</h1>
      <FindCall />
    </>
  )
}
