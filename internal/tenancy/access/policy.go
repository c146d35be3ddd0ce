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
	Nothing    Scope = iota
	OwnCalls         // things in the same place that the member's own extensions took part in, while they were the member's
	InScope          // things in the same place that the membership's scope names
	Everything       // the same place
	Below            // the same node and all below it
	Under            // all below the node, and not the node itself
)

var scopeNames = [...]string{"–", "own calls", "within the scope", "yes", "own node and below", "below the own node"}

func (s Scope) String() string { return scopeNames[s] }

// policy is who may do what. Provider and reseller roles stand only in rows
// that touch the tree and its figures: no row that opens content names them.
// Customer administrators grant playback and so do not hold it themselves;
// whoever needs both holds both roles, and the journal shows who gave them.
var policy = map[Act]map[Role]Scope{
	RecordingList:       {CustomerAdmin: Everything, SuperUser: Everything, Supervisor: InScope, Agent: OwnCalls, User: OwnCalls},
	RecordingListen:     {SuperUser: Everything, Supervisor: InScope, User: OwnCalls},
	RecordingTranscript: {SuperUser: Everything, Supervisor: InScope, User: OwnCalls},
	RecordingDownload:   {SuperUser: Everything},
	RecordingDestroy:    {CustomerAdmin: Everything},
	JournalRead:         {CustomerAdmin: Everything, Auditor: Everything},
	JournalExport:       {CustomerAdmin: Everything, Auditor: Everything},
	ReceiptRead:         {CustomerAdmin: Everything, Auditor: Everything},
	PurposeSet:          {CustomerAdmin: Everything},
	PersonManage:        {CustomerAdmin: Everything},
	BreachManage:        {CustomerAdmin: Everything},
	SourceManage:        {CustomerAdmin: Everything},
	ImportRun:           {CustomerAdmin: Everything},
	RetentionSet:        {CustomerAdmin: Everything},
	SpeechSet:           {CustomerAdmin: Everything},
	RedactionSet:        {CustomerAdmin: Everything},
	RecordingRedact:     {SuperUser: Everything},
	RecordingOriginal:   {SuperUser: Everything},
	PseudonymRead:       {CustomerAdmin: Everything, Auditor: Everything},
	PseudonymManage:     {CustomerAdmin: Everything},
	PseudonymReveal:     {SuperUser: Everything},
	PauseNote:           {CustomerAdmin: Everything},
	PaymentRead:         {CustomerAdmin: Everything, Auditor: Everything},
	PolicyRead:          {CustomerAdmin: Everything, Auditor: Everything},
	MemberRead:          {CustomerAdmin: Everything, Auditor: Everything},
	MemberManage:        {CustomerAdmin: Everything},
	DirectoryManage:     {CustomerAdmin: Everything},
	SuperuserGrant:      {CustomerAdmin: Everything},
	SupportGrant:        {CustomerAdmin: Everything},
	TokenManage:         {ProviderAdmin: Everything, ResellerAdmin: Everything, CustomerAdmin: Everything},
	DeviceManage:        {CustomerAdmin: Everything},
	SessionManage:       {ProviderAdmin: Below, ResellerAdmin: Below, CustomerAdmin: Everything},
	SigninSet:           {CustomerAdmin: Everything},
	IdpManage:           {CustomerAdmin: Everything},
	ScimManage:          {CustomerAdmin: Everything},
	AccesslistManage:    {ProviderAdmin: Below, ResellerAdmin: Below, CustomerAdmin: Everything},
	SourcePush:          {}, // carried by nothing but a source's own token
	ScimProvision:       {}, // carried by nothing but the token of an identity provider
	LeaverRemove:        {CustomerAdmin: Everything},
	ReviewRead:          {ProviderAdmin: Below, ResellerAdmin: Below, CustomerAdmin: Everything, Auditor: Everything},
	ReviewDecide:        {ProviderAdmin: Below, ResellerAdmin: Below, CustomerAdmin: Everything},
	UsageRead:           {ProviderAdmin: Below, ProviderSupport: Below, ResellerAdmin: Below, CustomerAdmin: Everything},
	NodeManage:          {ProviderAdmin: Below, ResellerAdmin: Below},
	StaffManage:         {ProviderAdmin: Below, ResellerAdmin: Below},
	QuotaSet:            {ProviderAdmin: Below, ResellerAdmin: Under}, // nobody lifts the limit that was set for themselves
	BrandingSet:         {ProviderAdmin: Below, ResellerAdmin: Below},
	CustomerSuspend:     {ProviderAdmin: Below, ResellerAdmin: Under},
	ChecklistSign:       {ProviderAdmin: Below, ResellerAdmin: Below},
	BlueprintApply:      {ProviderAdmin: Below, ResellerAdmin: Below},
	AttentionRead:       {CustomerAdmin: Everything},
	WebhookManage:       {CustomerAdmin: Everything},
	BackupRead:          {ProviderAdmin: Below, ProviderSupport: Below, ResellerAdmin: Below, CustomerAdmin: Everything, Auditor: Everything},
	BackupRun:           {ProviderAdmin: Below},
	HealthRead:          {ProviderAdmin: Below, ProviderSupport: Below, ResellerAdmin: Below, CustomerAdmin: Everything, Auditor: Everything},
	ExposureRead:        {CustomerAdmin: Everything, SuperUser: Everything, Supervisor: Everything, Agent: Everything, Auditor: Everything, User: Everything},
	CoverageRead:        {CustomerAdmin: Everything, Auditor: Everything},
	CertificateRead:     {CustomerAdmin: Everything, Auditor: Everything},
	CustomerLeave:       {CustomerAdmin: Everything},
	KeyRead:             {ProviderAdmin: Below, CustomerAdmin: Everything, Auditor: Everything},
	KeyManage:           {CustomerAdmin: Everything},
	RootManage:          {ProviderAdmin: Below},
	AlertRead:           {ProviderAdmin: Below, ProviderSupport: Below, ResellerAdmin: Below, CustomerAdmin: Everything, Auditor: Everything},
	AlertManage:         {ProviderAdmin: Below, ResellerAdmin: Below, CustomerAdmin: Everything},
	ExportTake:          {CustomerAdmin: Everything, SuperUser: Everything, Auditor: Everything},
	WitnessManage:       {CustomerAdmin: Everything},
	RecordingTag:        {CustomerAdmin: Everything, SuperUser: Everything, Supervisor: InScope},
	HoldRead:            {CustomerAdmin: Everything, Auditor: Everything},
	HoldManage:          {CustomerAdmin: Everything},
	ApprovalDecide:      {CustomerAdmin: Everything},
}

// Acts is every act, in alphabetical order.
func Acts() []Act { return slices.Sorted(maps.Keys(policy)) }

// content names the acts that bring a person to what was said.
var content = []Act{RecordingListen, RecordingTranscript, RecordingDownload, RecordingOriginal}

// Content reports whether an act opens what was said.
func Content(a Act) bool { return slices.Contains(content, a) }

// OpensContent reports whether a role opens what was said, be it of some calls only.
func OpensContent(r Role) bool {
	return slices.ContainsFunc(content, func(a Act) bool { return policy[a][r] != Nothing })
}

// personal names the acts that a machine's token never carries: with them a
// stolen token could make itself a successor.
var personal = []Act{
	MemberManage, StaffManage, SuperuserGrant, SupportGrant, TokenManage, SessionManage, SigninSet,
	IdpManage, ScimManage, ScimProvision, SourcePush, AccesslistManage, ReviewDecide, ChecklistSign, KeyManage, RootManage, ApprovalDecide, PseudonymReveal,
}

// ForMachines reports whether an act may be given to a token.
func ForMachines(a Act) bool { return policy[a] != nil && !slices.Contains(personal, a) }

// outlasting names the acts whose effect would stay after a support access has
// ended: with them a helper could make a way back in, or a longer stay.
var outlasting = []Act{
	MemberManage, DirectoryManage, SuperuserGrant, SupportGrant, TokenManage, DeviceManage, SigninSet, IdpManage, ScimManage,
	AccesslistManage, ReviewDecide, WebhookManage, KeyManage, RootManage, ApprovalDecide,
}

// Outlasts reports whether an act is never done under support access, whatever
// the role that is held by it.
func Outlasts(a Act) bool { return slices.Contains(outlasting, a) }

// RolesAt is the roles that can be held at a node of the given kind.
func RolesAt(kind string) []Role {
	switch kind {
	case "provider":
		return []Role{ProviderAdmin, ProviderSupport}
	case "reseller":
		return []Role{ResellerAdmin}
	case "customer":
		return []Role{CustomerAdmin, SuperUser, Supervisor, Agent, Auditor, User}
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
