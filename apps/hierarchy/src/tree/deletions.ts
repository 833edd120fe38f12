import type { ById, DeletionView } from '@strowger/contracts-hierarchy';
import type { RpcRequest } from '@strowger/kernel';

/**
 * Deletes nodes with all that hangs on them, which is more than the tree knows of: lifecycle does it. Declared here so
 * that anyone who lets callers delete needs the tree only.
 */
export abstract class Deletions {
  abstract deleteSystemProvider(request: RpcRequest<ById>): Promise<null>;
  abstract deleteReseller(request: RpcRequest<ById>): Promise<DeletionView>;
  abstract deleteGroup(request: RpcRequest<ById>): Promise<DeletionView>;
  abstract deleteUser(request: RpcRequest<ById>): Promise<DeletionView>;
}
