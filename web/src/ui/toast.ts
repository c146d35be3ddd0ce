import { useSyncExternalStore } from 'react';

export type Toast = { id: number; text: string; tone: 'good' | 'bad' };

let toasts: Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();
const tell = () => listeners.forEach((l) => l());

/** dismiss removes a toast before its time. */
export function dismiss(id: number) {
  toasts = toasts.filter((t) => t.id !== id);
  tell();
}

/** toast says that something was done; a failure stays longer, to be read. */
export function toast(text: string, tone: Toast['tone'] = 'good') {
  const id = next++;
  toasts = [...toasts.slice(-2), { id, text, tone }];
  tell();
  setTimeout(() => dismiss(id), tone === 'good' ? 5000 : 12000);
}

export function useToasts(): Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
}
