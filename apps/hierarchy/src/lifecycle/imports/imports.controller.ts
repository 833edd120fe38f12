import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type AddImportPart,
  type ById,
  type FinishImport,
  type ImportRowView,
  type ImportView,
  type ListImportRows,
  type ListImports,
  type StartImport,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { ImportsService } from './imports.service.js';

@Controller()
export class ImportsController {
  constructor(private readonly imports: ImportsService) {}

  @Answers(hierarchyRpc.startImport)
  start(request: RpcRequest<StartImport>): Promise<ImportView> {
    return this.imports.start(request, request.body);
  }

  @Answers(hierarchyRpc.addImportPart)
  async addPart(request: RpcRequest<AddImportPart>): Promise<null> {
    await this.imports.addPart(request, request.body);
    return null;
  }

  @Answers(hierarchyRpc.finishImport)
  finish(request: RpcRequest<FinishImport>): Promise<ImportView> {
    return this.imports.finish(request, request.body);
  }

  @Answers(hierarchyRpc.getImport)
  get(request: RpcRequest<ById>): Promise<ImportView> {
    return this.imports.get(request, request.body.id);
  }

  @Answers(hierarchyRpc.listImports)
  list(request: RpcRequest<ListImports>): Promise<Page<ImportView>> {
    return this.imports.list(request, request.body);
  }

  @Answers(hierarchyRpc.listImportRows)
  listRows(request: RpcRequest<ListImportRows>): Promise<Page<ImportRowView>> {
    return this.imports.listRows(request, request.body);
  }

  @Answers(hierarchyRpc.cancelImport)
  cancel(request: RpcRequest<ById>): Promise<ImportView> {
    return this.imports.cancel(request, request.body.id);
  }
}
