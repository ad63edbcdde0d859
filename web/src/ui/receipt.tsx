import { useMutation, useQuery } from '@tanstack/react-query'
import { ReceiptText, RotateCcw } from 'lucide-react'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { Button } from './button'
import { Dialog } from './dialog'
import { moment } from './format'
import { Tree } from './tree'
import { Copyable, Loaded } from './states'

/** The door to a receipt: what an automatic act claimed, on which evidence, and whether the same comes out again. */
export function Receipt({ id, children }: { id: string; children?: string }) {
  const [open, setOpen] = useState(false)
  if (!id) return null
  return (
    <>
      <button
        type="button"
        onClick={(event) => {
          event.stopPropagation()
          setOpen(true)
        }}
        className="inline-flex items-center gap-1 text-sel hover:underline"
        title={id}
      >
        <ReceiptText size={12} aria-hidden />
        {children ?? 'Receipt'}
      </button>
      {open && (
        <Dialog open onOpenChange={setOpen} title="Receipt" wide>
          <Shown id={id} />
        </Dialog>
      )}
    </>
  )
}

function Shown({ id }: { id: string }) {
  const receipt = useQuery({ ...asked(['receipt', id], () => api.GET('/api/v1/receipts/{receipt}', { params: { path: { receipt: id } } })), staleTime: Infinity })
  const replay = useMutation({ mutationFn: () => api.POST('/api/v1/receipts/{receipt}/replay', { params: { path: { receipt: id } } }) })
  const again = replay.data?.data
  return (
    <Loaded query={receipt} what="The receipt">
      {(one) => (
        <div className="flex flex-col gap-4">
          <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-xs text-ink-2">
            <span className="font-medium text-ink">{one.kind}</span>
            <span>rule {one.rule}</span>
            <span className="num">{moment(one.made_at)}</span>
            {one.policy && <span>by the policy {one.policy}</span>}
            <span>version {one.code_version}</span>
            <Copyable text={one.id} />
          </div>
          {typeof one.claim.statement === 'string' && <p className="max-w-prose text-base">{one.claim.statement}</p>}
          <div className="flex items-center gap-3" role="status">
            <Button icon={<RotateCcw size={13} />} busy={replay.isPending} onClick={() => replay.mutate()}>
              Compute again
            </Button>
            {again && <span className={again.same ? '' : 'font-medium text-crit'}>{again.same ? 'Recomputed: same' : 'Recomputed: another outcome'}</span>}
            {replay.isError && <span className="text-crit">{replay.error.message}</span>}
          </div>
          {again && !again.same && <Tree name="recomputed" value={again.recomputed} />}
          <Tree name="outcome" value={one.outcome} open />
          <Tree name="claim" value={one.claim} open />
          <Tree name="evidence" value={one.evidence} open />
          <Tree name="inputs" value={one.inputs} />
        </div>
      )}
    </Loaded>
  )
}
