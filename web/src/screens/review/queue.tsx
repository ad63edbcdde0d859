import { useParams } from '@tanstack/react-router'
import { CampaignScreen } from './campaign'
import { ObjectQueueScreen } from './object-queue'

/** A queue by its address: a certified campaign of class questions, or a review queue of objects. */
export default function Screen() {
  const { queue } = useParams({ from: '/w/$workspace/review/$queue' })
  return queue.startsWith('cmp_') ? <CampaignScreen id={queue} key={queue} /> : <ObjectQueueScreen id={queue} key={queue} />
}
