import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Navigate, Outlet } from '@tanstack/react-router';
import { home, useMe } from './api/me';
import type { ReceiptSearch } from './features/receipts/data';
import { read } from './features/recordings/filters';
import { Missing } from './ui/Missing';
import { Shell } from './ui/Shell';
import { Failed, Loading } from './ui/States';

const root = createRootRoute({ component: Outlet, notFoundComponent: Missing });
const text = (search: Record<string, unknown>, key: string) => (typeof search[key] === 'string' ? search[key] : undefined);

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (s: Record<string, unknown>): { next?: string; refused?: string } => ({ next: text(s, 'next'), refused: text(s, 'refused') }),
  component: lazyRouteComponent(() => import('./features/signin/SignInPage'), 'SignInPage'),
});
const signInElsewhere = createRoute({
  getParentRoute: () => root,
  path: '/sign-in/organisation',
  validateSearch: (s: Record<string, unknown>): { next?: string } => ({ next: text(s, 'next') }),
  component: lazyRouteComponent(() => import('./features/sso/Elsewhere'), 'OrganisationPage'),
});
const signInDirect = createRoute({
  getParentRoute: () => root,
  path: '/sign-in/at/$customer',
  validateSearch: (s: Record<string, unknown>): { next?: string } => ({ next: text(s, 'next') }),
  component: lazyRouteComponent(() => import('./features/sso/Elsewhere'), 'DirectPage'),
});
const welcome = createRoute({
  getParentRoute: () => root,
  path: '/welcome',
  validateSearch: (s: Record<string, unknown>): { token?: string } => ({ token: text(s, 'token') }),
  component: lazyRouteComponent(() => import('./features/signin/WelcomePage'), 'WelcomePage'),
});

const forgotten = createRoute({
  getParentRoute: () => root,
  path: '/forgotten',
  component: lazyRouteComponent(() => import('./features/signin/ForgottenPage'), 'ForgottenPage'),
});
const reset = createRoute({
  getParentRoute: () => root,
  path: '/reset',
  component: lazyRouteComponent(() => import('./features/signin/WelcomePage'), 'ResetPage'),
});

const signedIn = createRoute({ getParentRoute: () => root, id: 'in', component: Shell });
const start = createRoute({ getParentRoute: () => signedIn, path: '/', component: Start });
const account = createRoute({
  getParentRoute: () => signedIn,
  path: '/account',
  component: lazyRouteComponent(() => import('./features/account/AccountPage'), 'AccountPage'),
});
const node = createRoute({
  getParentRoute: () => signedIn,
  path: '/n/$node',
  component: lazyRouteComponent(() => import('./features/tree/ChildrenPage'), 'ChildrenPage'),
});
const nodeTokens = createRoute({
  getParentRoute: () => signedIn,
  path: '/n/$node/tokens',
  component: lazyRouteComponent(() => import('./features/settings/TokensPage'), 'NodeTokensPage'),
});
const nodeAccess = createRoute({
  getParentRoute: () => signedIn,
  path: '/n/$node/access',
  component: lazyRouteComponent(() => import('./features/entry/AccessListsPage'), 'NodeAccessListsPage'),
});
const nodePages = [
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/usage', component: lazyRouteComponent(() => import('./features/tree/QuotaPage'), 'QuotaPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/staff', component: lazyRouteComponent(() => import('./features/tree/StaffPage'), 'StaffPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/branding', component: lazyRouteComponent(() => import('./features/tree/BrandingPage'), 'BrandingPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/blueprint', component: lazyRouteComponent(() => import('./features/tree/BlueprintPage'), 'BlueprintPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/checklist', component: lazyRouteComponent(() => import('./features/tree/ChecklistPage'), 'ChecklistPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/keys', component: lazyRouteComponent(() => import('./features/keys/RootKeyPage'), 'RootKeyPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/installation', component: lazyRouteComponent(() => import('./features/tree/InstallationPage'), 'InstallationPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/releases', component: lazyRouteComponent(() => import('./features/releases/ReleasesPage'), 'ReleasesPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/backups', component: lazyRouteComponent(() => import('./features/backups/BackupsPage'), 'BackupsPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/c/$customer/backup', component: lazyRouteComponent(() => import('./features/backups/BackupsPage'), 'OwnBackupPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/health', component: lazyRouteComponent(() => import('./features/health/HealthPage'), 'NodeHealthPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/log', component: lazyRouteComponent(() => import('./features/tree/NodeLogPage'), 'NodeLogPage') }),
];
const mailArrived = createRoute({
  getParentRoute: () => root,
  path: '/mail-arrived',
  component: lazyRouteComponent(() => import('./features/signin/MailArrivedPage'), 'MailArrivedPage'),
});
const nodeSessions = createRoute({
  getParentRoute: () => signedIn,
  path: '/n/$node/sessions',
  component: lazyRouteComponent(() => import('./features/tree/EverybodyOutPage'), 'EverybodyOutPage'),
});
const customer = createRoute({ getParentRoute: () => signedIn, path: '/c/$customer', component: Outlet });

const recordings = createRoute({
  getParentRoute: () => customer,
  path: '/recordings',
  validateSearch: read,
  component: lazyRouteComponent(() => import('./features/recordings/RecordingsPage'), 'RecordingsPage'),
});
const calls = createRoute({
  getParentRoute: () => customer,
  path: '/calls',
  validateSearch: read,
  component: lazyRouteComponent(() => import('./features/calls/CallsPage'), 'CallsPage'),
});
const attention = createRoute({
  getParentRoute: () => customer,
  path: '/attention',
  component: lazyRouteComponent(() => import('./features/attention/AttentionPage'), 'AttentionPage'),
});
export type LogSearch = { code?: string; actor?: string; subject?: string; from?: string; to?: string };
const log = createRoute({
  getParentRoute: () => customer,
  path: '/log',
  validateSearch: (s: Record<string, unknown>): LogSearch => ({
    code: text(s, 'code'), actor: text(s, 'actor'), subject: text(s, 'subject'), from: read(s).from, to: read(s).to,
  }),
  component: lazyRouteComponent(() => import('./features/journal/JournalPage'), 'JournalPage'),
});
const exposure = createRoute({
  getParentRoute: () => customer,
  path: '/exposure',
  component: lazyRouteComponent(() => import('./features/exposure/ExposurePage'), 'ExposurePage'),
});
const egress = createRoute({
  getParentRoute: () => customer,
  path: '/egress',
  component: lazyRouteComponent(() => import('./features/exposure/EgressPage'), 'EgressPage'),
});
const sso = createRoute({ getParentRoute: () => customer, path: '/settings/sso', component: lazyRouteComponent(() => import('./features/sso/ProvidersPage'), 'ProvidersPage') });
const ssoProvider = createRoute({
  getParentRoute: () => customer,
  path: '/settings/sso/$provider',
  validateSearch: (s: Record<string, unknown>): { test?: string } => ({ test: text(s, 'test') }),
  component: lazyRouteComponent(() => import('./features/sso/ProviderPage'), 'ProviderPage'),
});
const settings = [
  createRoute({ getParentRoute: () => customer, path: '/imports', component: lazyRouteComponent(() => import('./features/imports/ImportsPage'), 'ImportsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/imports/$import', component: lazyRouteComponent(() => import('./features/imports/ImportPage'), 'ImportPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/sources', component: lazyRouteComponent(() => import('./features/settings/SourcesPage'), 'SourcesPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/collectors', component: lazyRouteComponent(() => import('./features/settings/CollectorsPage'), 'CollectorsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/storage', component: lazyRouteComponent(() => import('./features/settings/StoragePage'), 'StoragePage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/siprec', component: lazyRouteComponent(() => import('./features/siprec/SiprecPage'), 'SiprecPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/retention', component: lazyRouteComponent(() => import('./features/settings/RetentionPage'), 'RetentionPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/redaction', component: lazyRouteComponent(() => import('./features/redaction/RedactionPage'), 'RedactionPage') }),
  createRoute({ getParentRoute: () => customer, path: '/pseudonyms', component: lazyRouteComponent(() => import('./features/pseudonyms/PseudonymsPage'), 'PseudonymsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/payments', component: lazyRouteComponent(() => import('./features/redaction/PaymentsPage'), 'PaymentsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/speech', component: lazyRouteComponent(() => import('./features/settings/SpeechPage'), 'SpeechPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/members', component: lazyRouteComponent(() => import('./features/settings/MembersPage'), 'MembersPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/access', component: lazyRouteComponent(() => import('./features/entry/AccessListsPage'), 'CustomerAccessListsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/directory', component: lazyRouteComponent(() => import('./features/rights/DirectoryPage'), 'DirectoryPage') }),
  createRoute({ getParentRoute: () => customer, path: '/support', component: lazyRouteComponent(() => import('./features/rights/SupportPage'), 'SupportPage') }),
  createRoute({ getParentRoute: () => customer, path: '/permissions', component: lazyRouteComponent(() => import('./features/rights/PermissionsPage'), 'PermissionsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/tokens', component: lazyRouteComponent(() => import('./features/settings/TokensPage'), 'TokensPage') }),
  createRoute({ getParentRoute: () => customer, path: '/quota', component: lazyRouteComponent(() => import('./features/tree/QuotaPage'), 'OwnQuotaPage') }),
  createRoute({ getParentRoute: () => customer, path: '/health', component: lazyRouteComponent(() => import('./features/health/HealthPage'), 'HealthPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/webhooks', component: lazyRouteComponent(() => import('./features/webhooks/WebhooksPage'), 'WebhooksPage') }),
  createRoute({ getParentRoute: () => customer, path: '/verification', component: lazyRouteComponent(() => import('./features/verification/VerificationPage'), 'VerificationPage') }),
  createRoute({ getParentRoute: () => customer, path: '/keys', component: lazyRouteComponent(() => import('./features/keys/KeysPage'), 'KeysPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/sign-in', component: lazyRouteComponent(() => import('./features/settings/SignInPage'), 'SignInPolicyPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/sessions', component: lazyRouteComponent(() => import('./features/settings/SessionsPage'), 'SessionsPage') }),
];

const answering = [
  createRoute({
    getParentRoute: () => customer,
    path: '/receipts',
    validateSearch: (s: Record<string, unknown>): ReceiptSearch => ({
      who: text(s, 'who'), kind: text(s, 'kind'), subject: text(s, 'subject'), what: text(s, 'what'), purpose: text(s, 'purpose'), unstated: text(s, 'unstated'), from: read(s).from, to: read(s).to,
    }),
    component: lazyRouteComponent(() => import('./features/receipts/ReceiptsPage'), 'ReceiptsPage'),
  }),
  createRoute({ getParentRoute: () => customer, path: '/requests', component: lazyRouteComponent(() => import('./features/persons/RequestsPage'), 'RequestsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/requests/$request', component: lazyRouteComponent(() => import('./features/persons/RequestPage'), 'RequestPage') }),
  createRoute({ getParentRoute: () => customer, path: '/breaches', component: lazyRouteComponent(() => import('./features/breaches/BreachesPage'), 'BreachesPage') }),
  createRoute({ getParentRoute: () => customer, path: '/breaches/$breach', component: lazyRouteComponent(() => import('./features/breaches/BreachPage'), 'BreachPage') }),
];
const watching = [
  createRoute({ getParentRoute: () => customer, path: '/holds', component: lazyRouteComponent(() => import('./features/holds/HoldsPage'), 'HoldsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/approvals', component: lazyRouteComponent(() => import('./features/approvals/ApprovalsPage'), 'ApprovalsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/alerts', component: lazyRouteComponent(() => import('./features/alerts/AlertsPage'), 'AlertsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/certificates', component: lazyRouteComponent(() => import('./features/certificates/CertificatesPage'), 'CertificatesPage') }),
  createRoute({ getParentRoute: () => customer, path: '/leave', component: lazyRouteComponent(() => import('./features/leave/LeavePage'), 'LeavePage') }),
  createRoute({ getParentRoute: () => customer, path: '/coverage', component: lazyRouteComponent(() => import('./features/coverage/CoveragePage'), 'CoveragePage') }),
];
const nodeAlerts = createRoute({ getParentRoute: () => signedIn, path: '/n/$node/alerts', component: lazyRouteComponent(() => import('./features/alerts/AlertsPage'), 'NodeAlertsPage') });

const reviews = [
  createRoute({ getParentRoute: () => customer, path: '/reviews', component: lazyRouteComponent(() => import('./features/reviews/ReviewsPage'), 'ReviewsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/reviews/$review', component: lazyRouteComponent(() => import('./features/reviews/ReviewPage'), 'ReviewPage') }),
  createRoute({ getParentRoute: () => customer, path: '/leavers', component: lazyRouteComponent(() => import('./features/reviews/LeaversPage'), 'LeaversPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/provisioning', component: lazyRouteComponent(() => import('./features/provisioning/ProvisioningPage'), 'ProvisioningPage') }),
];
const nodeReviews = [
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/reviews', component: lazyRouteComponent(() => import('./features/reviews/ReviewsPage'), 'NodeReviewsPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/reviews/$review', component: lazyRouteComponent(() => import('./features/reviews/ReviewPage'), 'NodeReviewPage') }),
];

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    signInElsewhere,
    signInDirect,
    welcome,
    mailArrived,
    forgotten,
    reset,
    signedIn.addChildren([start, account, nodeAlerts, ...nodeReviews, node, nodeSessions, ...nodePages, nodeTokens, nodeAccess, customer.addChildren([...answering, ...watching, ...reviews, recordings, calls, attention, log, exposure, egress, sso, ssoProvider, ...settings])]),
  ]),
  defaultPreload: 'intent',
  defaultPendingComponent: () => <Loading />,
  defaultErrorComponent: ({ error, reset }) => <Failed error={error} retry={reset} />,
  defaultNotFoundComponent: Missing,
  scrollRestoration: true,
});

function Start() {
  const me = useMe();
  return me ? <Navigate to={home(me.places)} replace /> : null;
}

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
