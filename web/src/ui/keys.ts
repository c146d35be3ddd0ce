import { useEffect, useRef } from 'react';

/** typing says whether a key belongs to what has the focus: a field, a menu, a list, a tab. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return true;
  return target.closest('[role=menu],[role=listbox],[role=tablist],[role=grid],table.mantine-DatePicker-month') !== null;
}

/** useKeys calls the handler of a key, unless it is being typed or belongs to a control. Space stays with a focused button or link. */
export function useKeys(handlers: Record<string, (() => void) | undefined>, on = true) {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    if (!on) return;
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      const name = event.shiftKey && event.key.startsWith('Arrow') ? `Shift+${event.key}` : event.key;
      if (name === ' ' && (event.target as HTMLElement).closest('button,a,summary,[role=button]')) return;
      const handle = latest.current[name];
      if (!handle) return;
      event.preventDefault();
      handle();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [on]);
}
