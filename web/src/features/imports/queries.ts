import { api, here, must } from '../../api/client';
import type { Import } from '../../api/types';

/** busy are the states in which figures move. */
export const busy = (i: Import) => i.state === 'looking' || i.state === 'running' || i.state === 'stopped';

export const imports = (customer: string) => ({
  queryKey: here(customer, 'imports'),
  queryFn: () => must(api.GET('/api/v1/customers/{customer}/imports', { params: { path: { customer } } })),
});

export const oneImport = (customer: string, id: string) => ({
  queryKey: here(customer, 'imports', id),
  queryFn: () => must(api.GET('/api/v1/customers/{customer}/imports/{import}', { params: { path: { customer, import: id } } })),
});

export const importFiles = (customer: string, id: string, what: string) => ({
  queryKey: here(customer, 'imports', id, 'files', what),
  queryFn: () =>
    must(api.GET('/api/v1/customers/{customer}/imports/{import}/files', { params: { path: { customer, import: id }, query: { what: what as 'unreadable', limit: 100 } } })),
});

/** said is what a state is called. */
export const said: Record<Import['state'], string> = {
  looking: 'Looking at the files', ready: 'Ready to start', running: 'Taking in', paused: 'Paused', stopped: 'Stopped', done: 'Done', cancelled: 'Ended early',
};

/** part is how far an import is, in percent: of the preview, then of the run. */
export function part(i: Import): number {
  const n = i.started_at ? i.done : i.looked;
  return i.files === 0 ? 0 : Math.floor((100 * n) / i.files);
}
