import { ChevronLeft, ChevronRight, Pause, Play } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { BASE } from '@/api/client'
import { bindKeys } from '@/shell/keys'
import { Button } from '@/ui/button'
import { frameAt, middleOf } from './frames'

/** A clip to play and to step through, frame by frame: comma goes back, full stop forward, P plays and pauses. */
export function Clip({ sample, workspace, name, fps, frames }: { sample: string; workspace: string; name: string; fps: number; frames: number }) {
  const video = useRef<HTMLVideoElement>(null)
  const [time, setTime] = useState(0)
  const [playing, setPlaying] = useState(false)
  const [failed, setFailed] = useState(false)
  const step = (by: number) => {
    const shown = video.current
    if (!shown) return
    shown.pause()
    shown.currentTime = middleOf(Math.max(0, Math.min(frames - 1, frameAt(shown.currentTime, fps) + by)), fps)
  }
  const toggle = () => {
    const shown = video.current
    if (shown) void (shown.paused ? shown.play().catch(() => setFailed(true)) : shown.pause())
  }
  useEffect(() =>
    bindKeys({
      ',': { label: 'Previous frame', group: 'Clip', run: () => step(-1) },
      '.': { label: 'Next frame', group: 'Clip', run: () => step(1) },
      p: { label: 'Play or pause', group: 'Clip', run: toggle },
    }),
  )
  return (
    <div className="flex h-full w-full min-h-0 flex-col gap-2">
      <div className="flex min-h-0 grow items-center justify-center">
        <video
          ref={video}
          key={sample}
          src={`${BASE}/api/v1/samples/${encodeURIComponent(sample)}/video?workspace=${encodeURIComponent(workspace)}`}
          aria-label={name}
          preload="metadata"
          playsInline
          className="max-h-full max-w-full rounded-sm"
          onTimeUpdate={(event) => setTime(event.currentTarget.currentTime)}
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
          onError={() => setFailed(true)}
        />
      </div>
      {failed && (
        <p role="alert" className="text-center text-xs text-crit">
          This browser does not play the clip. Its frames can be looked at as samples: ingest it with frames.
        </p>
      )}
      <div className="flex items-center justify-center gap-2">
        <Button small aria-label="Previous frame" tip="Previous frame: ," icon={<ChevronLeft size={14} />} onClick={() => step(-1)} />
        <Button small aria-label={playing ? 'Pause' : 'Play'} tip={playing ? 'Pause: P' : 'Play: P'} icon={playing ? <Pause size={14} /> : <Play size={14} />} onClick={toggle} />
        <Button small aria-label="Next frame" tip="Next frame: ." icon={<ChevronRight size={14} />} onClick={() => step(1)} />
        <span className="num ml-2 text-xs text-ink-2" aria-live="off">
          {time.toFixed(3)} s · frame {Math.min(frames, frameAt(time, fps) + 1)} of {frames}
        </span>
      </div>
    </div>
  )
}
