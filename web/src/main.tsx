import '@fontsource-variable/inter';
import '@mantine/core/styles.css';
import './theme.css';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queries } from './api/client';
import { router } from './router';
import { theme, variables } from './theme';
import { StepUp } from './ui/StepUp';
import { Toasts } from './ui/Toasts';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
        <StepUp />
        <Toasts />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
