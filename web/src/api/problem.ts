/** What the API says went wrong (RFC 9457), as one error class. `offline` stands for no answer at all. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string
  readonly retryable: boolean
  readonly facts: Record<string, unknown>

  constructor(status: number, body: Record<string, unknown>) {
    super(String(body.detail ?? body.message ?? body.title ?? 'The server did not say what went wrong.'))
    this.status = status
    this.code = String(body.code ?? (status === 0 ? 'offline' : 'error'))
    this.hint = String(body.hint ?? '')
    this.retryable = Boolean(body.retryable)
    this.facts = body
  }

  static offline(): Problem {
    return new Problem(0, { detail: 'The server does not answer.', hint: 'What you did is kept here and sent when it answers again.', retryable: true })
  }

  static async of(response: Response): Promise<Problem> {
    const body: unknown = await response.json().catch(() => ({}))
    return new Problem(response.status, body && typeof body === 'object' ? (body as Record<string, unknown>) : {})
  }
}
