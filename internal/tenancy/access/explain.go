package access

import (
	"slices"
	"strings"
	"time"
)

// Finding is why one membership lets somebody do an act, or does not.
type Finding struct {
	Role    Role
	Allowed bool
	Text    string
}

// Explanation is the answer to "why?": the same decision as Allow's, with what
// each membership says to it. It is for those who may read who is a member; to
// everybody else what is refused stays what is missing.
type Explanation struct {
	Decision
	Findings []Finding
	Missing  []Role // any of these would allow it, at the place or, where it reaches down, above it
}

// Explain says why somebody may or may not do an act to a thing, and which of
// the roles that can be had there would allow it.
func Explain(held []Membership, act Act, thing Thing, can []Role, at time.Time) Explanation {
	out := Explanation{Decision: Allow(held, act, thing, at)}
	for i := range held {
		out.Findings = append(out.Findings, held[i].explain(act, thing, at))
	}
	if out.Allowed {
		return out
	}
	for _, r := range can {
		if policy[act][r] != Nothing {
			out.Missing = append(out.Missing, r)
		}
	}
	return out
}

func (m Membership) explain(act Act, thing Thing, at time.Time) Finding {
	f := Finding{Role: m.Role}
	scope := policy[act][m.Role]
	switch {
	case m.At != thing.Place && !slices.Contains(thing.Above, m.At):
		f.Text = "is held elsewhere"
	case !m.Until.IsZero() && !at.Before(m.Until):
		f.Text = "has ended"
	case scope == Nothing:
		f.Text = "does not include this act"
	case !m.Grant.IsZero() && Outlasts(act):
		f.Text = "is held by support access, under which nothing is done that would outlast it"
	case Allow([]Membership{m}, act, thing, at).Allowed:
		f.Allowed, f.Text = true, "allows it: "+scope.String()
	case scope == OwnCalls || scope == InScope:
		f.Text = "reaches " + scope.String() + " only: " + m.Part.misses(thing, at)
	default:
		f.Text = "does not reach this place"
	}
	return f
}

// misses says why a part does not hold a thing.
func (p Part) misses(thing Thing, at time.Time) string {
	young := p
	young.MaxAge = 0
	if young.covers(&thing, at) {
		return "the call is older than the role may reach back"
	}
	var theirs []string
	for _, s := range p.Spans {
		if slices.Contains(thing.Extensions, s.Extension) {
			theirs = append(theirs, s.Extension)
		}
	}
	switch {
	case len(theirs) > 0:
		return "extension " + strings.Join(theirs, ", ") + " was not theirs at the time of the call"
	case !p.All && len(p.Spans) == 0 && len(p.Queues) == 0:
		return "nothing is named"
	}
	return "no extension or queue of the call is among them"
}

// meanings says what each act is, for the pages that show the table.
var meanings = map[Act]string{
	ExportTake:          "take exports that they asked for",
	WitnessManage:       "choose who receives checkpoints of the change log",
	RecordingList:       "see the list of recordings and calls, with numbers and names",
	RecordingListen:     "listen to a recording",
	RecordingTranscript: "read what was said, and search it",
	RecordingDownload:   "download the sound",
	RecordingDestroy:    "destroy a recording's key",
	JournalRead:         "read the change log",
	JournalExport:       "save the change log",
	SourceManage:        "set where recordings come from",
	ImportRun:           "import old recordings",
	RetentionSet:        "set how long recordings are kept",
	RedactionSet:        "choose what is found in recordings, and what is taken out",
	RecordingRedact:     "take stretches out of a recording",
	BreachManage:        "work out what wrong hands could reach, and draft the notices",
	CertificateRead:     "read the certificates of what was destroyed",
	CustomerLeave:       "export everything and leave, for good",
	PersonManage:        "find all about a person and answer their requests",
	PurposeSet:          "choose who has to say why they open a recording",
	ReceiptRead:         "read who opened which recording, and why",
	RecordingOriginal:   "hear the original of a redacted recording, while it stays",
	PseudonymRead:       "see the rule, the runs and the pseudonyms, without whom they stand for",
	PseudonymManage:     "have names and numbers replaced by pseudonyms, and ask for the way back to be destroyed",
	PseudonymReveal:     "look up whom a pseudonym stands for, with a receipt",
	PauseNote:           "say when a payment is taken in a call, so that it is taken out",
	PaymentRead:         "see which payments were recorded although they should not",
	SpeechSet:           "choose the engine that transcribes",
	PolicyRead:          "read settings",
	MemberRead:          "see who has which role, and whose an extension is",
	MemberManage:        "give and take roles",
	DirectoryManage:     "say whose an extension is",
	SuperuserGrant:      "make somebody a SuperUser",
	SupportGrant:        "let somebody of the provider or a reseller in",
	TokenManage:         "make and end API tokens",
	DeviceManage:        "enrol and revoke collectors",
	SessionManage:       "see and end others' sessions",
	SigninSet:           "set how people sign in",
	IdpManage:           "set up identity providers",
	SourcePush:          "push files of a source, as its telephone system",
	ScimProvision:       "push people and groups, as an identity provider",
	LeaverRemove:        "take leavers out",
	ScimManage:          "let an identity provider push people",
	AccesslistManage:    "set from which networks people and machines come in",
	ReviewRead:          "read access reviews",
	ReviewDecide:        "decide in access reviews",
	UsageRead:           "see figures and health, without content",
	NodeManage:          "make resellers and customers",
	StaffManage:         "give and take roles at the provider and at resellers",
	QuotaSet:            "set quotas",
	BrandingSet:         "set name, logo and colours",
	CustomerSuspend:     "suspend and resume a customer",
	ChecklistSign:       "sign that a customer is ready",
	BlueprintApply:      "apply a blueprint",
	AttentionRead:       "see files that could not be captured",
	ExposureRead:        "see who could reach what",
	CoverageRead:        "see which calls have no recording, and the signed statements of it",
	AlertRead:           "see what is wrong, without content",
	AlertManage:         "deal with alerts, and choose who is told of them",
	KeyRead:             "see how old the customer's key is, and who holds it",
	KeyManage:           "rotate the customer's key, and choose who holds it",
	RootManage:          "rotate the root key of the installation",
	WebhookManage:       "set which other systems are told what happens",
	BackupRead:          "see when backups were made and proven",
	BackupRun:           "make backups and restore from them",
	HealthRead:          "see how the service is, without content",
	RecordingTag:        "put labels on recordings, and take them off",
	HoldRead:            "see legal holds and what is under them",
	HoldManage:          "place legal holds, and ask for one to be lifted",
	ApprovalDecide:      "be the second person for what they may do themselves",
}

// Meaning is what an act is, in words.
func Meaning(a Act) string { return meanings[a] }

// ScopeOf is the table's entry for an act and a role.
func ScopeOf(a Act, r Role) Scope { return policy[a][r] }
