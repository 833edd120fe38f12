import type { DeletionView } from '@strowger/contracts-hierarchy';
import type { RpcContext } from '@strowger/kernel';

/**
 * Deletes nodes with all that hangs on them, which is more than the tree knows of: lifecycle does it. Declared here so
 * that whoever lets callers delete needs the tree only.
 */
export abstract class Deletions {
  abstract deleteSystemProvider(context: RpcContext, id: string): Promise<void>;
  abstract deleteReseller(context: RpcContext, id: string): Promise<DeletionView>;
  abstract deleteGroup(context: RpcContext, id: string): Promise<DeletionView>;
  abstract deleteUser(context: RpcContext, id: string): Promise<DeletionView>;
}
