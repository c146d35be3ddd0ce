package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Scope is how far a role's right to an act reaches from the membership's node.
type Scope int

// The scopes; the zero value denies, so what the table leaves out is denied.
const (
	Nothing       Scope = iota
	OwnExtensions       // things in the same place that the member's extensions took part in
	Everything          // the same place
	Below               // the same node and all below it
)

var scopeNames = [...]string{"–", "own extensions", "yes", "own node and below"}

func (s Scope) String() string { return scopeNames[s] }

// policy is who may do what. Provider and reseller roles stand only in rows
// that touch the tree and its figures: no row that opens content names them.
// Customer administrators grant playback and so do not hold it themselves;
// whoever needs both holds both roles, and the journal shows who gave them.
var policy = map[Act]map[Role]Scope{
	RecordingList:       {CustomerAdmin: Everything, SuperUser: Everything, User: OwnExtensions},
	RecordingListen:     {SuperUser: Everything, User: OwnExtensions},
	RecordingTranscript: {SuperUser: Everything, User: OwnExtensions},
	RecordingDownload:   {SuperUser: Everything},
	RecordingDestroy:    {CustomerAdmin: Everything},
	JournalRead:         {CustomerAdmin: Everything},
	JournalExport:       {CustomerAdmin: Everything},
	SourceManage:        {CustomerAdmin: Everything},
	RetentionSet:        {CustomerAdmin: Everything},
	SpeechSet:           {CustomerAdmin: Everything},
	MemberManage:        {CustomerAdmin: Everything},
	SuperuserGrant:      {CustomerAdmin: Everything},
	TokenManage:         {CustomerAdmin: Everything},
	DeviceManage:        {CustomerAdmin: Everything},
	UsageRead:           {ProviderAdmin: Below, ResellerAdmin: Below, CustomerAdmin: Everything},
	NodeManage:          {ProviderAdmin: Below, ResellerAdmin: Below},
	AttentionRead:       {CustomerAdmin: Everything},
	ExposureRead:        {CustomerAdmin: Everything, SuperUser: Everything, User: Everything},
}

// Acts is every act, in alphabetical order.
func Acts() []Act { return slices.Sorted(maps.Keys(policy)) }

// content names the acts that bring a person to what was said.
var content = []Act{RecordingListen, RecordingTranscript, RecordingDownload}

// Content reports whether an act opens what was said.
func Content(a Act) bool { return slices.Contains(content, a) }

// personal names the acts that a machine's token never carries: with them a
// stolen token could make itself a successor.
var personal = []Act{MemberManage, SuperuserGrant, TokenManage}

// ForMachines reports whether an act may be given to a token.
func ForMachines(a Act) bool { return policy[a] != nil && !slices.Contains(personal, a) }

// RolesAt is the roles that can be held at a node of the given kind.
func RolesAt(kind string) []Role {
	switch kind {
	case "provider":
		return []Role{ProviderAdmin}
	case "reseller":
		return []Role{ResellerAdmin}
	case "customer":
		return []Role{CustomerAdmin, SuperUser, User}
	}
	return nil
}

// Markdown renders the table for docs/permissions.md, which a test compares.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Who may do what\n\nGenerated from `internal/tenancy/access/policy.go`; what stands here as – is denied.\n\n| act |")
	for _, r := range Roles() {
		fmt.Fprintf(&b, " %s |", r)
	}
	b.WriteString(" token |\n|---|" + strings.Repeat("---|", len(Roles())+1) + "\n")
	for _, a := range Acts() {
		fmt.Fprintf(&b, "| `%s` |", a)
		for _, r := range Roles() {
			fmt.Fprintf(&b, " %s |", policy[a][r])
		}
		token := "never"
		if ForMachines(a) {
			token = "if its maker may"
		}
		fmt.Fprintf(&b, " %s |\n", token)
	}
	b.WriteString("\nProvider and reseller roles reach no recording, transcript, list or journal of a customer.\n" +
		"A token can do what its scope names, and only while the person who made it may do it too.\n")
	return b.String()
}
