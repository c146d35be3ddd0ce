import { Button, Center, Group, Stack, Text } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, here, must } from '../../api/client';
import { sentence } from '../../api/errors';
import { useMay } from '../../api/me';
import type { Attention } from '../../api/types';
import { ago, bytes, count, exact } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { toast } from '../../ui/toast';

const route = getRouteApi('/in/c/$customer/attention');

/** AttentionPage lists files that could not be archived. They are still at their source, untouched. */
export function AttentionPage() {
  const { customer } = route.useParams();
  const files = useInfiniteQuery({
    queryKey: here(customer, 'attention'),
    queryFn: ({ pageParam }) => must(api.GET('/api/v1/customers/{customer}/attention', { params: { path: { customer }, query: { cursor: pageParam || undefined } } })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
  });
  return (
    <Page title="Needs attention" about="Files that could not be archived. Each is still where it was, untouched; one bad file never stops the others.">
      <Answered query={files}>
        {(data) =>
          data.pages[0]?.items.length === 0 ? (
            <div className="card">
              <Empty icon="check" title="Nothing needs you">Every file that was found is sealed in the archive.</Empty>
            </div>
          ) : (
            <Stack gap="sm">
              {data.pages.flatMap((page) => page.items).map((f) => (
                <File key={f.id} file={f} customer={customer} />
              ))}
              {files.hasNextPage && (
                <Center py="md">
                  <Button variant="default" loading={files.isFetchingNextPage} onClick={() => void files.fetchNextPage()}>Load more of {count(data.pages[0]?.total ?? 0, 'file')}</Button>
                </Center>
              )}
            </Stack>
          )
        }
      </Answered>
    </Page>
  );
}

function File({ file, customer }: { file: Attention; customer: string }) {
  const client = useQueryClient();
  const may = useMay(customer);
  const retry = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/attention/{file}/retry', { params: { path: { customer, file: file.id } } })),
    onSuccess: () => {
      toast('It is being tried again.');
      return client.invalidateQueries({ queryKey: here(customer, 'attention') });
    },
    onError: () => toast('The file could not be tried again just now.', 'bad'),
  });
  return (
    <article className="card" style={{ padding: 16 }} aria-label={file.file}>
      <Group justify="space-between" align="flex-start" gap="md">
        <div style={{ flex: '1 1 380px', minWidth: 0 }}>
          <Text className="mono" fw={550}>{file.file}</Text>
          <Text size="sm" mt={6}>{sentence(file.reason)}</Text>
          {file.what_to_do && (
            <Text size="sm" mt={4}>
              <b style={{ fontWeight: 600 }}>What to do:</b> {sentence(file.what_to_do)}
            </Text>
          )}
          <Text size="xs" c="dimmed" mt={8} title={exact(file.since)}>
            {bytes(file.size)} · since {ago(file.since)}
          </Text>
        </div>
        {may('source.manage') && (
          <Button variant="default" size="xs" leftSection={<Icon name="refresh" size={14} />} loading={retry.isPending} onClick={() => retry.mutate()}>
            Try again
          </Button>
        )}
      </Group>
    </article>
  );
}
