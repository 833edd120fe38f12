/** What e-mail addresses are compared by: one of them signs in as one portal user, whatever its letters' case. */
export const emailKeyOf = (email: string): string => email.toLowerCase();
