import { useState } from 'react'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { TextArea } from '@/ui/field'

const COMMON = ['An object is missing', 'A box is not tight', 'The class is wrong', 'The image cannot be judged']

/** Asks why an image goes back; whoever drew on it reads the reason above the image. */
export function ReasonDialog({ close, send }: { close: () => void; send: (reason: string) => void }) {
  const [reason, setReason] = useState('')
  const done = (text: string): void => {
    if (!text.trim()) return
    send(text.trim())
    close()
  }
  return (
    <Dialog open onOpenChange={(open) => !open && close()} title="Send back" description="It goes to who drew last, with your reason.">
      <form className="flex flex-col gap-3" onSubmit={(event) => (event.preventDefault(), done(reason))}>
        <div className="flex flex-wrap gap-2">
          {COMMON.map((text) => (
            <Button key={text} small onClick={() => done(text)}>
              {text}
            </Button>
          ))}
        </div>
        <TextArea aria-label="Reason" autoFocus value={reason} onChange={(event) => setReason(event.target.value)} onKeyDown={(event) => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && done(reason)} placeholder="What should be different" />
        <div className="flex justify-end gap-2">
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" type="submit" disabled={!reason.trim()}>
            Send back
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
