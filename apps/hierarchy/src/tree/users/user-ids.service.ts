import { Injectable } from '@nestjs/common';
import { InvalidInput } from '@strowger/kernel';
import { HierarchyConfig } from '../../config.js';

/** Something, one @, and a domain. */
const WITH_DOMAIN = /^[^@]+@[^@]+$/;

/** What a BroadWorks user id must look like, beyond its length. */
@Injectable()
export class UserIds {
  constructor(private readonly config: HierarchyConfig) {}

  /** What is wrong with the id; undefined when nothing is. */
  complaint(broadworksUserId: string): string | undefined {
    if (!this.config.userIdNeedsDomain || WITH_DOMAIN.test(broadworksUserId)) return undefined;
    return `A BroadWorks user id carries its domain, as in chris@acme.example: '${broadworksUserId}' must hold exactly one @, with text on both sides.`;
  }

  /** @throws InvalidInput naming `field` */
  check(broadworksUserId: string, field = 'broadworksUserId'): void {
    const message = this.complaint(broadworksUserId);
    if (message) throw new InvalidInput([{ field, rule: 'domain', message }]);
  }
}
