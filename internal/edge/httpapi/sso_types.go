package httpapi

import "time"

// IdentityProvider is one of a customer's own.
type IdentityProvider struct {
	ID              string           `json:"id"`
	Kind            string           `json:"kind" enum:"oidc,saml"`
	Name            string           `json:"name"`
	Enabled         bool             `json:"enabled"`
	Issuer          string           `json:"issuer" doc:"OpenID Connect: the issuer; SAML: the entity id"`
	ClientID        string           `json:"client_id"`
	SecretSet       bool             `json:"secret_set" doc:"A client secret is stored; it is never shown"`
	Scopes          []string         `json:"scopes" nullable:"false"`
	MetadataURL     string           `json:"metadata_url"`
	Certificates    []Certificate    `json:"certificates" nullable:"false" doc:"SAML: what the provider signs with"`
	Newcomers       bool             `json:"newcomers"`
	Rules           []RoleRule       `json:"rules" nullable:"false"`
	ExtensionsClaim string           `json:"extensions_claim"`
	Addresses       ProviderAddress  `json:"addresses"`
	Health          ProviderHealth   `json:"health"`
	ChangedAt       time.Time        `json:"changed_at"`
	Domains         []ProviderDomain `json:"domains" nullable:"false"`
}

// Certificate is one that a SAML provider signs with.
type Certificate struct {
	SHA256 string    `json:"sha256"`
	Until  time.Time `json:"until"`
}

// RoleRule gives a role to whoever has a value under a claim.
type RoleRule struct {
	Claim string `json:"claim" maxLength:"300"`
	Value string `json:"value" maxLength:"300" doc:"To the letter; * stands for any"`
	Role  string `json:"role" enum:"customer_admin,superuser,supervisor,agent,auditor,user"`
}

// ProviderAddress is what is to be typed at the provider.
type ProviderAddress struct {
	Callback string `json:"callback" doc:"OpenID Connect: redirect address"`
	ACS      string `json:"acs" doc:"SAML: where responses go"`
	Entity   string `json:"entity" doc:"SAML: our entity id; our metadata are there too"`
	Direct   string `json:"direct" doc:"Where this customer's people begin a sign-in"`
}

// ProviderHealth is how a provider has fared.
type ProviderHealth struct {
	SuccessAt time.Time `json:"success_at,omitzero"`
	FailureAt time.Time `json:"failure_at,omitzero"`
	Cause     string    `json:"cause,omitempty" doc:"Of the last failure: down, slow, forbidden, broken, issuer, keys, audience, expired, clock, mismatch, replayed, client, denied, incomplete, stranger, unlinked, subject, no-role, taken or off"`
	Text      string    `json:"text,omitempty"`
}

// ProviderSettings is what is typed.
type ProviderSettings struct {
	Kind            string     `json:"kind" enum:"oidc,saml"`
	Name            string     `json:"name" maxLength:"100"`
	Enabled         bool       `json:"enabled,omitempty" doc:"Off, it can be tested and nothing else"`
	Issuer          string     `json:"issuer,omitempty" maxLength:"500"`
	ClientID        string     `json:"client_id,omitempty" maxLength:"300"`
	ClientSecret    string     `json:"client_secret,omitempty" maxLength:"1000" doc:"Left out: as it was"`
	PublicClient    bool       `json:"public_client,omitempty" doc:"There is no secret; a stored one is forgotten"`
	Scopes          []string   `json:"scopes,omitempty" maxItems:"20" doc:"Beside openid, email and profile"`
	Metadata        string     `json:"metadata,omitempty" maxLength:"1048576" doc:"SAML: the provider's metadata, as XML"`
	MetadataURL     string     `json:"metadata_url,omitempty" maxLength:"1000" doc:"Or where they are; read again when the provider signs with a new key"`
	Newcomers       bool       `json:"newcomers,omitempty" doc:"Whoever is given a role by a rule and is no member yet becomes one"`
	Rules           []RoleRule `json:"rules,omitempty" maxItems:"200" doc:"Read at every sign-in; without any, roles are given by hand"`
	ExtensionsClaim string     `json:"extensions_claim,omitempty" maxLength:"300" doc:"Claim that holds somebody's extensions"`
}

// ProviderDomain is a domain of e-mail addresses whose people are sent to a provider.
type ProviderDomain struct {
	ID         string    `json:"id"`
	ProviderID string    `json:"provider_id"`
	Domain     string    `json:"domain"`
	Record     string    `json:"record" doc:"Name of the DNS text record that shows that the domain is yours"`
	Value      string    `json:"value" doc:"What the record has to hold"`
	VerifiedAt time.Time `json:"verified_at,omitzero"`
}

// ProviderTestStart is a test sign-in that has begun.
type ProviderTestStart struct {
	ID  string `json:"id"`
	URL string `json:"url" doc:"Send the browser there; it comes back to the portal's page of the report"`
}

// ProviderTest is what a test sign-in showed.
type ProviderTest struct {
	ID         string          `json:"id"`
	At         time.Time       `json:"at"`
	Passed     bool            `json:"passed" doc:"Every check of the provider's answer"`
	Admits     bool            `json:"admits" doc:"A sign-in like this one would have been let in"`
	Own        bool            `json:"own" doc:"As the person who tested"`
	Cause      string          `json:"cause,omitempty"`
	Text       string          `json:"text,omitempty"`
	Checks     []ProviderCheck `json:"checks" nullable:"false"`
	Claims     []ProviderClaim `json:"claims" nullable:"false"`
	Issuer     string          `json:"issuer"`
	Subject    string          `json:"subject"`
	Email      string          `json:"email"`
	Name       string          `json:"name"`
	Roles      []string        `json:"roles" nullable:"false"`
	Extensions []string        `json:"extensions" nullable:"false"`
}

// ProviderCheck is one thing that was looked at.
type ProviderCheck struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Text   string `json:"text"`
}

// ProviderClaim is one claim or attribute that arrived.
type ProviderClaim struct {
	Name   string   `json:"name"`
	Values []string `json:"values" nullable:"false"`
}

// IdentityLink is that a provider's subject is a member, or may be.
type IdentityLink struct {
	ID         string    `json:"id"`
	ProviderID string    `json:"provider_id"`
	PersonID   string    `json:"person_id"`
	Member     string    `json:"member" doc:"Name of the member here"`
	State      string    `json:"state" enum:"linked,dormant,waiting"`
	Cause      string    `json:"cause,omitempty" doc:"Of a waiting one: unlinked (a member has this address) or subject (the member is known by another subject)"`
	Subject    string    `json:"subject"`
	Email      string    `json:"email"`
	Name       string    `json:"name"`
	Since      time.Time `json:"since"`
	SeenAt     time.Time `json:"seen_at,omitzero"`
}

// IdentityLinkPage is a part of the links.
type IdentityLinkPage struct {
	Items []IdentityLink `json:"items" nullable:"false"`
	Next  string         `json:"next_cursor,omitempty"`
}

// SignInChoice is a provider at which somebody can sign in.
type SignInChoice struct {
	CustomerID string `json:"customer_id"`
	ProviderID string `json:"provider_id"`
	Name       string `json:"name"`
	Kind       string `json:"kind" enum:"oidc,saml"`
}

// SignInChoices is what there is for an address or a customer. Where there is
// nothing, it is the password.
type SignInChoices struct {
	Providers []SignInChoice `json:"providers" nullable:"false"`
}

// SignInElsewhere is where the browser goes to sign in.
type SignInElsewhere struct {
	URL string `json:"url"`
}
