import { useQuery } from '@tanstack/react-query'
import { api, asked } from '@/api/client'
import { Loaded } from '@/ui/states'

/** A report or a ticket, as it is written. */
export function Document({ sample, name }: { sample: string; name: string }) {
  const query = useQuery({ ...asked(['text', sample], () => api.GET('/api/v1/samples/{sample}/text', { params: { path: { sample } } })), placeholderData: undefined })
  return (
    <Loaded query={query} what="The text">
      {(found) => (
        <div tabIndex={0} role="region" aria-label={name} className="h-full w-full overflow-auto rounded-md bg-surface p-6">
          <pre className="mx-auto max-w-[80ch] font-sans text-sm whitespace-pre-wrap">{found.text}</pre>
        </div>
      )}
    </Loaded>
  )
}
