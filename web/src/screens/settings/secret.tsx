import { Copyable } from '@/ui/states'

/** A secret that the server shows once: copied now or never seen again. */
export function Secret({ secret, name }: { secret: string; name: string }) {
  return (
    <div role="status" className="flex flex-col gap-1 rounded-md border border-line-strong p-3">
      <p>
        The key of <span className="font-medium">{name}</span>. It is shown this once: keep it now.
      </p>
      <Copyable text={secret} className="!text-ink" />
    </div>
  )
}
