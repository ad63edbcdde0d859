import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { api } from '@/api/client'
import { Problem } from '@/api/problem'
import { undo } from '@/shell/undo'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field, Input } from '@/ui/field'
import { Segments } from '@/ui/select'
import { BucketForm } from './bucket'
import { CameraForm } from './camera-form'
import { PushForm } from './push'
import { sendFiles } from './upload'

type Kind = 'folder' | 'archive' | 'upload' | 'bucket' | 'push' | 'camera'
const KINDS = [
  { value: 'upload', label: 'Upload' }, { value: 'folder', label: 'Folder' }, { value: 'archive', label: 'Archive' }, { value: 'bucket', label: 'Bucket' }, { value: 'push', label: 'Push' }, { value: 'camera', label: 'Camera' },
] as const

/** Where images come from: this machine, a folder or an archive on the server, a bucket. */
export function Connect({ close }: { close: () => void }) {
  const { workspace = 'default' } = useParams({ strict: false })
  const navigate = useNavigate()
  const cache = useQueryClient()
  const [kind, setKind] = useState<Kind>('upload')
  const [path, setPath] = useState('')
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  const start = useMutation({
    mutationFn: () => api.POST('/api/v1/ingests', { body: { source: { kind, path: path.trim() } } }),
    onSuccess: ({ data }) => {
      void cache.invalidateQueries()
      close()
      undo.say('The ingest has begun')
      void navigate({ to: '/w/$workspace/sources', params: { workspace }, search: { run: data?.id } })
    },
  })
  const problem = start.error instanceof Problem ? start.error : null
  const picked = (list: FileList | null) => {
    void sendFiles([...(list ?? [])].filter((file) => !file.name.startsWith('.')).map((file) => ({ name: file.webkitRelativePath || file.name, file })))
    close()
  }
  return (
    <Dialog open onOpenChange={close} title="Connect a source" description="Each file is decoded apart from the server; what cannot be read is kept in quarantine with its reason.">
      <div className="flex flex-col gap-4">
        <div>
          <Segments label="Kind of source" value={kind} onChange={setKind} options={KINDS} />
        </div>
        {kind === 'upload' && (
          <>
            <p className="text-ink-2">Drop files or whole folders anywhere on this screen, or choose them. They are sent four at a time.</p>
            <input ref={files} type="file" multiple hidden onChange={(event) => picked(event.target.files)} />
            <input ref={folder} type="file" multiple hidden {...{ webkitdirectory: '' }} onChange={(event) => picked(event.target.files)} />
            <div className="flex justify-end gap-2">
              <Button needs="ingest" onClick={() => folder.current?.click()}>
                Choose a folder
              </Button>
              <Button look="primary" needs="ingest" onClick={() => files.current?.click()}>
                Choose files
              </Button>
            </div>
          </>
        )}
        {(kind === 'folder' || kind === 'archive') && (
          <form
            className="flex flex-col gap-3"
            onSubmit={(event) => {
              event.preventDefault()
              start.mutate()
            }}
          >
            <Field label={kind === 'folder' ? 'Path of the folder on the server' : 'Path of the archive (zip, tar) on the server'} hint="Only the owner of the installation may name paths: the disk holds other workspaces too." error={problem ? `${problem.message} ${problem.hint}` : undefined}>
              <Input value={path} onChange={(event) => setPath(event.target.value)} required autoFocus className="mono" placeholder={kind === 'folder' ? '/data/line-2' : '/data/line-2.zip'} />
            </Field>
            <div className="flex justify-end gap-2">
              <Button onClick={close}>Cancel</Button>
              <Button look="primary" type="submit" needs="ingest" busy={start.isPending} disabled={!path.trim()}>
                Ingest it
              </Button>
            </div>
          </form>
        )}
        {kind === 'bucket' && <BucketForm close={close} />}
        {kind === 'push' && <PushForm close={close} />}
        {kind === 'camera' && <CameraForm close={close} />}
      </div>
    </Dialog>
  )
}
