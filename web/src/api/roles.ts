/** What the roles are called in the portal. */
export const roleNames: Record<string, string> = {
  provider_admin: 'Provider administrator',
  provider_support: 'Provider support',
  reseller_admin: 'Reseller administrator',
  customer_admin: 'Administrator',
  superuser: 'SuperUser',
  supervisor: 'Supervisor',
  agent: 'Agent',
  auditor: 'Auditor',
  user: 'User',
};

export const roleName = (r: string) => roleNames[r] ?? r;
