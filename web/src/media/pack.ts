/** Where the images of a thumb pack begin and end: uint32 count, that many uint32 lengths, then the bytes. */
export function unpack(buffer: ArrayBuffer): (Uint8Array<ArrayBuffer> | null)[] {
  const view = new DataView(buffer)
  const count = view.getUint32(0, true)
  let at = 4 + 4 * count
  return Array.from({ length: count }, (_, index) => {
    const length = view.getUint32(4 + 4 * index, true)
    at += length
    return length ? new Uint8Array(buffer, at - length, length) : null
  })
}
