// Package access decides who may do what. The whole policy is one table, role
// by act, in policy.go: what it does not say is denied. The decision is pure
// (no database, no clock), so that a test can ask every question there is.
//
// Limits: a membership is worth as much as the read that brought it. Callers
// read memberships of a customer from the customer's own place, at each
// request, so that taking one away works from the next request on.
package access

import (
	"slices"
	"time"

	"ringfence/internal/base/id"
)

// Role is what a person is at one node of the tree.
type Role string

// The roles. Provider and reseller roles reach no content at all.
const (
	ProviderAdmin   Role = "provider_admin"
	ProviderSupport Role = "provider_support" // usage and health below, no settings; may be given support access
	ResellerAdmin   Role = "reseller_admin"
	CustomerAdmin   Role = "customer_admin" // settings, members, journal; sees the list, hears nothing
	SuperUser       Role = "superuser"      // hears everything of one customer
	Supervisor      Role = "supervisor"     // hears what the membership's scope names; takes nothing away
	Agent           Role = "agent"          // sees the list of the own calls
	Auditor         Role = "auditor"        // reads the journal, members and policies; changes nothing, hears nothing
	User            Role = "user"           // hears the recordings of the own extensions
)

// Roles is every role, in the order of the documentation.
func Roles() []Role {
	return []Role{ProviderAdmin, ProviderSupport, ResellerAdmin, CustomerAdmin, SuperUser, Supervisor, Agent, Auditor, User}
}

// Act is one thing that can be done, dotted: what it is done to, then what.
type Act string

// The acts.
const (
	RecordingList       Act = "recording.list"
	RecordingListen     Act = "recording.listen"
	RecordingTranscript Act = "recording.transcript"
	RecordingDownload   Act = "recording.download"
	RecordingDestroy    Act = "recording.destroy"
	JournalRead         Act = "journal.read"
	JournalExport       Act = "journal.export"
	ReceiptRead         Act = "receipt.read"   // every opening: who, when, why, from where
	ExportTake          Act = "export.take"    // of exports that one asked for oneself; each kind needs its own right besides
	WitnessManage       Act = "witness.manage" // who receives checkpoints of the change log
	PurposeSet          Act = "purpose.set"    // of whom a purpose is asked before an opening
	PersonManage        Act = "person.manage"  // requests of persons, and what follows from them
	BreachManage        Act = "breach.manage"
	SourceManage        Act = "source.manage"
	ImportRun           Act = "import.run"
	RetentionSet        Act = "retention.set"
	SpeechSet           Act = "speech.set"
	RedactionSet        Act = "redaction.set"
	RecordingRedact     Act = "recording.redact"
	RecordingOriginal   Act = "recording.original" // of what was redacted, while it stays
	PseudonymRead       Act = "pseudonym.read"     // rules, runs and pseudonyms, and not whom they stand for
	PseudonymManage     Act = "pseudonym.manage"   // has names replaced, and asks for the way back to be destroyed
	PseudonymReveal     Act = "pseudonym.reveal"   // tells whom a pseudonym stands for
	PauseNote           Act = "pause.note"         // says when a payment is taken in a call
	PaymentRead         Act = "payment.read"
	PolicyRead          Act = "policy.read" // reads settings: retention, speech, sign-in
	MemberRead          Act = "member.read"
	MemberManage        Act = "member.manage"
	DirectoryManage     Act = "directory.manage"
	SuperuserGrant      Act = "superuser.grant"
	SupportGrant        Act = "support.grant"
	TokenManage         Act = "token.manage"
	DeviceManage        Act = "device.manage"
	SessionManage       Act = "session.manage"
	SigninSet           Act = "signin.set"
	IdpManage           Act = "idp.manage"
	ScimManage          Act = "scim.manage"
	AccesslistManage    Act = "accesslist.manage"
	ReviewRead          Act = "review.read"
	ReviewDecide        Act = "review.decide"
	SourcePush          Act = "source.push"    // no role's: a source's own token carries it
	ScimProvision       Act = "scim.provision" // no role's: an identity provider's own token carries it
	LeaverRemove        Act = "leaver.remove"
	UsageRead           Act = "usage.read"
	NodeManage          Act = "node.manage"
	StaffManage         Act = "staff.manage" // who has which role at the provider and at resellers
	QuotaSet            Act = "quota.set"
	BrandingSet         Act = "branding.set"
	CustomerSuspend     Act = "customer.suspend"
	ChecklistSign       Act = "checklist.sign"
	BlueprintApply      Act = "blueprint.apply"
	AttentionRead       Act = "attention.read"
	ExposureRead        Act = "exposure.read"
	CoverageRead        Act = "coverage.read"
	CertificateRead     Act = "certificate.read" // of destruction
	CustomerLeave       Act = "customer.leave"   // takes everything along, and has the customer's key destroyed
	KeyRead             Act = "key.read"
	KeyManage           Act = "key.manage"  // of a customer: rotation, and who holds it
	RootManage          Act = "root.manage" // the root key of the installation
	AlertRead           Act = "alert.read"
	AlertManage         Act = "alert.manage"
	WebhookManage       Act = "webhook.manage"
	BackupRead          Act = "backup.read" // at nodes: of all below; at a customer: its own line
	BackupRun           Act = "backup.run"  // and restore
	HealthRead          Act = "health.read" // at nodes: of all below; at a customer: its own
	RecordingTag        Act = "recording.tag"
	HoldRead            Act = "hold.read"
	HoldManage          Act = "hold.manage"
	ApprovalDecide      Act = "approval.decide" // and the right of the act itself
)

// Membership is a role that someone holds at one node.
type Membership struct {
	Role  Role
	At    id.Node
	Part  Part       // for roles that reach a part of a place only
	Until time.Time  // zero: until it is taken away
	Grant id.Support // support access by which it is held; zero: a member's own
}

// Thing is what an act is done to.
type Thing struct {
	Place id.Node
	Above []id.Node // the nodes above Place, for acts that reach down the tree

	// Where the thing is a recording or a call:
	Extensions []string // of the people who took part
	Queue      string
	StartedAt  time.Time
}

// Decision is the answer and the role that gave it; the zero value is no.
type Decision struct {
	Allowed bool
	By      Role
}

// Allow answers whether somebody with these memberships may do the act to the
// thing at that instant.
func Allow(held []Membership, act Act, thing Thing, at time.Time) Decision {
	rules := policy[act]
	for i := range held {
		m := &held[i]
		switch scopeOf(m, rules, act, &thing, at) {
		case Everything:
			return Decision{true, m.Role}
		case OwnCalls, InScope:
			if m.Part.covers(&thing, at) {
				return Decision{true, m.Role}
			}
		}
	}
	return Decision{}
}

// ExtentOf gathers what all memberships together allow in the thing's place.
func ExtentOf(held []Membership, act Act, place Thing, at time.Time) Extent {
	var e Extent
	rules := policy[act]
	for i := range held {
		m := &held[i]
		switch scopeOf(m, rules, act, &place, at) {
		case Everything:
			return Extent{All: true}
		case OwnCalls, InScope:
			e.add(Clause{m.Part.All, m.Part.Spans, m.Part.Queues, m.Part.notBefore(at)})
		}
	}
	return e
}

// ActsAt lists what the memberships allow in a place, wholly or in part: what a
// page may offer. It never replaces asking Allow when the act is done.
func ActsAt(held []Membership, place Thing, at time.Time) []Act {
	acts := []Act{}
	for _, a := range Acts() {
		if !ExtentOf(held, a, place, at).None() {
			acts = append(acts, a)
		}
	}
	return acts
}

// scopeOf is the table's answer for one membership, once its node and its end
// have been compared with the thing: what it gives then means the thing's own
// place.
func scopeOf(m *Membership, rules map[Role]Scope, act Act, thing *Thing, at time.Time) Scope {
	scope := rules[m.Role]
	if scope == Nothing || m.At.IsZero() || thing.Place.IsZero() || !m.Until.IsZero() && !at.Before(m.Until) {
		return Nothing
	}
	if !m.Grant.IsZero() && Outlasts(act) {
		return Nothing
	}
	switch here := m.At == thing.Place; scope {
	case Below:
		if here || slices.Contains(thing.Above, m.At) {
			return Everything
		}
	case Under:
		if slices.Contains(thing.Above, m.At) {
			return Everything
		}
	default:
		if here {
			return scope
		}
	}
	return Nothing
}
