/** Toll-free in the North American plan. There the network itself answers STOP and START, so we must not. */
export const isTollFree = (e164: string): boolean => /^\+1(800|833|844|855|866|877|888)\d{7}$/.test(e164);

/** Five or six digits: may write to us, can't be one of our numbers. */
export const isShortCode = (number: string): boolean => /^\d{5,6}$/.test(number);
