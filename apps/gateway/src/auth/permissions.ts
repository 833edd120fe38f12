import type { ApiKeyArea } from '@strowger/contracts-hierarchy';

/** `any`: anyone with some permission; what is seen there follows from another area. */
export type Area = ApiKeyArea | 'any';

/** Writing includes reading. */
export function permits(permissions: readonly string[], action: 'read' | 'write', area: Area | undefined): boolean {
  const sufficient = action === 'read' ? ['read', 'write'] : ['write'];
  return permissions.some((permission) => {
    const [first, second] = permission.split(':') as [string, string?];
    if (second === undefined) return sufficient.includes(first);
    return (area === 'any' || first === area) && sufficient.includes(second);
  });
}
