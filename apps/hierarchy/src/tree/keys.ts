/** What ids and names are compared by; written as they were given. */

/** BroadWorks user ids, unique without case among the active users of a system provider. */
export const userKeyOf = (broadworksUserId: string): string => broadworksUserId.toLowerCase();

/** Server host names, which belong to one system provider each. */
export const hostNameKeyOf = (hostName: string): string => hostName.toLowerCase();
