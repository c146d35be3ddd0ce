import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { Problem } from '../../api/errors';
import { over } from './asking';
import type { Departure } from './data';
import { Standing } from './LeavePage';

/** asking is what the API answers while a departure is final and others are waited for. */
const asking: Departure = {
  state: 'asking', recordings: 1204, held: 0, approval_id: null, asked_at: null, not_before: null, reason: '',
  boxes: 2, boxes_answered: 1, folders: 3, folders_answered: 3, asking_until: '2026-11-24T12:00:00Z',
};

/** shown is the text of what the page shows, a space between any two elements. */
function shown(data: Departure) {
  const page = createElement(Standing, { customer: 'org_1', data });
  const html = renderToStaticMarkup(createElement(MantineProvider, null, createElement(QueryClientProvider, { client: new QueryClient() }, page)));
  return { html, text: html.replaceAll(/<style[^>]*>.*?<\/style>/gs, '').replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ') };
}

test('once it is final, it says who has answered and when the keys go, and offers nothing', () => {
  const { html, text } = shown(asking);
  expect(text).toContain('It is final');
  expect(text).toMatch(/Collectors 1 of 2 answered/);
  expect(text).toMatch(/Sources on this server 3 of 3 answered/);
  expect(text).toMatch(/on 24 Nov 2026, \d\d:00 at the latest/);
  expect(html).not.toContain('<button');
  expect(html).not.toContain('<textarea');
});

test('who has nothing to ask is not named, and nobody is waited for in vain', () => {
  const folders = shown({ ...asking, boxes: 0, boxes_answered: 0 }).text;
  expect(folders).not.toContain('Collectors');
  expect(folders).toContain('the keys go now');
  const nobody = shown({ ...asking, boxes: 0, boxes_answered: 0, folders: 0, folders_answered: 0 }).text;
  expect(nobody).not.toContain('answered');
  expect(nobody).toContain('the keys go now');
});

test('before it is final, everything can be taken along', () => {
  expect(shown({ ...asking, state: 'none', boxes: 0, folders: 0, asking_until: null }).text).toContain('Take everything along');
});

test('who looks on while it ends is told so, and of a fault something else', () => {
  expect(over(asking, new Problem(404, 'Not Found', ''))).toBe(true);
  expect(over(asking, new Problem(503, 'Unavailable', ''))).toBe(false);
  expect(over(asking, null)).toBe(false);
  expect(over({ ...asking, state: 'approved' }, new Problem(404, 'Not Found', ''))).toBe(false);
});
