/** Text from outside, as the database takes it and no longer than anyone reads. */
export const plainText = (text: string | undefined, most: number): string | null =>
  text === undefined ? null : text.slice(0, most).toWellFormed().replaceAll('\0', '\uFFFD');
