import { createRootRoute, createRoute, createRouter, Navigate, Outlet } from '@tanstack/react-router';
import { home, useMe } from './api/me';
import type { ReceiptSearch } from './features/receipts/data';
import { read } from './features/recordings/filters';
import { again, later } from './ui/later';
import { Missing } from './ui/Missing';
import { Shell } from './ui/Shell';
import { Failed, Loading } from './ui/States';

const root = createRootRoute({ component: Outlet, notFoundComponent: Missing });
const text = (search: Record<string, unknown>, key: string) => (typeof search[key] === 'string' ? search[key] : undefined);

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (s: Record<string, unknown>): { next?: string; refused?: string } => ({ next: text(s, 'next'), refused: text(s, 'refused') }),
  component: later(() => import('./features/signin/SignInPage'), 'SignInPage'),
});
const signInElsewhere = createRoute({
  getParentRoute: () => root,
  path: '/sign-in/organisation',
  validateSearch: (s: Record<string, unknown>): { next?: string } => ({ next: text(s, 'next') }),
  component: later(() => import('./features/sso/Elsewhere'), 'OrganisationPage'),
});
const signInDirect = createRoute({
  getParentRoute: () => root,
  path: '/sign-in/at/$customer',
  validateSearch: (s: Record<string, unknown>): { next?: string } => ({ next: text(s, 'next') }),
  component: later(() => import('./features/sso/Elsewhere'), 'DirectPage'),
});
const welcome = createRoute({
  getParentRoute: () => root,
  path: '/welcome',
  validateSearch: (s: Record<string, unknown>): { token?: string } => ({ token: text(s, 'token') }),
  component: later(() => import('./features/signin/WelcomePage'), 'WelcomePage'),
});

const forgotten = createRoute({
  getParentRoute: () => root,
  path: '/forgotten',
  component: later(() => import('./features/signin/ForgottenPage'), 'ForgottenPage'),
});
const reset = createRoute({
  getParentRoute: () => root,
  path: '/reset',
  component: later(() => import('./features/signin/WelcomePage'), 'ResetPage'),
});

const signedIn = createRoute({ getParentRoute: () => root, id: 'in', component: Shell });
const start = createRoute({ getParentRoute: () => signedIn, path: '/', component: Start });
const account = createRoute({
  getParentRoute: () => signedIn,
  path: '/account',
  component: later(() => import('./features/account/AccountPage'), 'AccountPage'),
});
const node = createRoute({
  getParentRoute: () => signedIn,
  path: '/n/$node',
  component: later(() => import('./features/tree/ChildrenPage'), 'ChildrenPage'),
});
const nodeTokens = createRoute({
  getParentRoute: () => signedIn,
  path: '/n/$node/tokens',
  component: later(() => import('./features/settings/TokensPage'), 'NodeTokensPage'),
});
const nodeAccess = createRoute({
  getParentRoute: () => signedIn,
  path: '/n/$node/access',
  component: later(() => import('./features/entry/AccessListsPage'), 'NodeAccessListsPage'),
});
const nodePages = [
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/usage', component: later(() => import('./features/tree/QuotaPage'), 'QuotaPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/staff', component: later(() => import('./features/tree/StaffPage'), 'StaffPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/branding', component: later(() => import('./features/tree/BrandingPage'), 'BrandingPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/blueprint', component: later(() => import('./features/tree/BlueprintPage'), 'BlueprintPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/checklist', component: later(() => import('./features/tree/ChecklistPage'), 'ChecklistPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/keys', component: later(() => import('./features/keys/RootKeyPage'), 'RootKeyPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/installation', component: later(() => import('./features/tree/InstallationPage'), 'InstallationPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/releases', component: later(() => import('./features/releases/ReleasesPage'), 'ReleasesPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/backups', component: later(() => import('./features/backups/BackupsPage'), 'BackupsPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/c/$customer/backup', component: later(() => import('./features/backups/BackupsPage'), 'OwnBackupPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/health', component: later(() => import('./features/health/HealthPage'), 'NodeHealthPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/log', component: later(() => import('./features/tree/NodeLogPage'), 'NodeLogPage') }),
];
const mailArrived = createRoute({
  getParentRoute: () => root,
  path: '/mail-arrived',
  component: later(() => import('./features/signin/MailArrivedPage'), 'MailArrivedPage'),
});
const nodeSessions = createRoute({
  getParentRoute: () => signedIn,
  path: '/n/$node/sessions',
  component: later(() => import('./features/tree/EverybodyOutPage'), 'EverybodyOutPage'),
});
const customer = createRoute({ getParentRoute: () => signedIn, path: '/c/$customer', component: Outlet });

const recordings = createRoute({
  getParentRoute: () => customer,
  path: '/recordings',
  validateSearch: read,
  component: later(() => import('./features/recordings/RecordingsPage'), 'RecordingsPage'),
});
const calls = createRoute({
  getParentRoute: () => customer,
  path: '/calls',
  validateSearch: read,
  component: later(() => import('./features/calls/CallsPage'), 'CallsPage'),
});
const attention = createRoute({
  getParentRoute: () => customer,
  path: '/attention',
  component: later(() => import('./features/attention/AttentionPage'), 'AttentionPage'),
});
export type LogSearch = { code?: string; actor?: string; subject?: string; from?: string; to?: string };
const log = createRoute({
  getParentRoute: () => customer,
  path: '/log',
  validateSearch: (s: Record<string, unknown>): LogSearch => ({
    code: text(s, 'code'), actor: text(s, 'actor'), subject: text(s, 'subject'), from: read(s).from, to: read(s).to,
  }),
  component: later(() => import('./features/journal/JournalPage'), 'JournalPage'),
});
const exposure = createRoute({
  getParentRoute: () => customer,
  path: '/exposure',
  component: later(() => import('./features/exposure/ExposurePage'), 'ExposurePage'),
});
const egress = createRoute({
  getParentRoute: () => customer,
  path: '/egress',
  component: later(() => import('./features/exposure/EgressPage'), 'EgressPage'),
});
const sso = createRoute({ getParentRoute: () => customer, path: '/settings/sso', component: later(() => import('./features/sso/ProvidersPage'), 'ProvidersPage') });
const ssoProvider = createRoute({
  getParentRoute: () => customer,
  path: '/settings/sso/$provider',
  validateSearch: (s: Record<string, unknown>): { test?: string } => ({ test: text(s, 'test') }),
  component: later(() => import('./features/sso/ProviderPage'), 'ProviderPage'),
});
const settings = [
  createRoute({ getParentRoute: () => customer, path: '/imports', component: later(() => import('./features/imports/ImportsPage'), 'ImportsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/imports/$import', component: later(() => import('./features/imports/ImportPage'), 'ImportPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/sources', component: later(() => import('./features/settings/SourcesPage'), 'SourcesPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/collectors', component: later(() => import('./features/settings/CollectorsPage'), 'CollectorsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/storage', component: later(() => import('./features/settings/StoragePage'), 'StoragePage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/siprec', component: later(() => import('./features/siprec/SiprecPage'), 'SiprecPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/retention', component: later(() => import('./features/settings/RetentionPage'), 'RetentionPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/redaction', component: later(() => import('./features/redaction/RedactionPage'), 'RedactionPage') }),
  createRoute({ getParentRoute: () => customer, path: '/pseudonyms', component: later(() => import('./features/pseudonyms/PseudonymsPage'), 'PseudonymsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/payments', component: later(() => import('./features/redaction/PaymentsPage'), 'PaymentsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/speech', component: later(() => import('./features/settings/SpeechPage'), 'SpeechPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/members', component: later(() => import('./features/settings/MembersPage'), 'MembersPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/access', component: later(() => import('./features/entry/AccessListsPage'), 'CustomerAccessListsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/directory', component: later(() => import('./features/rights/DirectoryPage'), 'DirectoryPage') }),
  createRoute({ getParentRoute: () => customer, path: '/support', component: later(() => import('./features/rights/SupportPage'), 'SupportPage') }),
  createRoute({ getParentRoute: () => customer, path: '/permissions', component: later(() => import('./features/rights/PermissionsPage'), 'PermissionsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/tokens', component: later(() => import('./features/settings/TokensPage'), 'TokensPage') }),
  createRoute({ getParentRoute: () => customer, path: '/quota', component: later(() => import('./features/tree/QuotaPage'), 'OwnQuotaPage') }),
  createRoute({ getParentRoute: () => customer, path: '/health', component: later(() => import('./features/health/HealthPage'), 'HealthPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/webhooks', component: later(() => import('./features/webhooks/WebhooksPage'), 'WebhooksPage') }),
  createRoute({ getParentRoute: () => customer, path: '/verification', component: later(() => import('./features/verification/VerificationPage'), 'VerificationPage') }),
  createRoute({ getParentRoute: () => customer, path: '/keys', component: later(() => import('./features/keys/KeysPage'), 'KeysPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/sign-in', component: later(() => import('./features/settings/SignInPage'), 'SignInPolicyPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/sessions', component: later(() => import('./features/settings/SessionsPage'), 'SessionsPage') }),
];

const answering = [
  createRoute({
    getParentRoute: () => customer,
    path: '/receipts',
    validateSearch: (s: Record<string, unknown>): ReceiptSearch => ({
      who: text(s, 'who'), kind: text(s, 'kind'), subject: text(s, 'subject'), what: text(s, 'what'), purpose: text(s, 'purpose'), unstated: text(s, 'unstated'), from: read(s).from, to: read(s).to,
    }),
    component: later(() => import('./features/receipts/ReceiptsPage'), 'ReceiptsPage'),
  }),
  createRoute({ getParentRoute: () => customer, path: '/requests', component: later(() => import('./features/persons/RequestsPage'), 'RequestsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/requests/$request', component: later(() => import('./features/persons/RequestPage'), 'RequestPage') }),
  createRoute({ getParentRoute: () => customer, path: '/breaches', component: later(() => import('./features/breaches/BreachesPage'), 'BreachesPage') }),
  createRoute({ getParentRoute: () => customer, path: '/breaches/$breach', component: later(() => import('./features/breaches/BreachPage'), 'BreachPage') }),
];
const watching = [
  createRoute({ getParentRoute: () => customer, path: '/holds', component: later(() => import('./features/holds/HoldsPage'), 'HoldsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/approvals', component: later(() => import('./features/approvals/ApprovalsPage'), 'ApprovalsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/alerts', component: later(() => import('./features/alerts/AlertsPage'), 'AlertsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/certificates', component: later(() => import('./features/certificates/CertificatesPage'), 'CertificatesPage') }),
  createRoute({ getParentRoute: () => customer, path: '/leave', component: later(() => import('./features/leave/LeavePage'), 'LeavePage') }),
  createRoute({ getParentRoute: () => customer, path: '/coverage', component: later(() => import('./features/coverage/CoveragePage'), 'CoveragePage') }),
];
const nodeAlerts = createRoute({ getParentRoute: () => signedIn, path: '/n/$node/alerts', component: later(() => import('./features/alerts/AlertsPage'), 'NodeAlertsPage') });

const reviews = [
  createRoute({ getParentRoute: () => customer, path: '/reviews', component: later(() => import('./features/reviews/ReviewsPage'), 'ReviewsPage') }),
  createRoute({ getParentRoute: () => customer, path: '/reviews/$review', component: later(() => import('./features/reviews/ReviewPage'), 'ReviewPage') }),
  createRoute({ getParentRoute: () => customer, path: '/leavers', component: later(() => import('./features/reviews/LeaversPage'), 'LeaversPage') }),
  createRoute({ getParentRoute: () => customer, path: '/settings/provisioning', component: later(() => import('./features/provisioning/ProvisioningPage'), 'ProvisioningPage') }),
];
const nodeReviews = [
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/reviews', component: later(() => import('./features/reviews/ReviewsPage'), 'NodeReviewsPage') }),
  createRoute({ getParentRoute: () => signedIn, path: '/n/$node/reviews/$review', component: later(() => import('./features/reviews/ReviewPage'), 'NodeReviewPage') }),
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
  defaultErrorComponent: ({ error, reset }) => <Failed error={error} retry={() => void Promise.all([again(), router.invalidate()]).then(reset)} />,
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
