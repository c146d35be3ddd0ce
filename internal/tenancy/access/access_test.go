package access_test

import (
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

var update = flag.Bool("update", false, "write docs/permissions.md anew")

var (
	provider = id.New[id.Node]()
	reseller = id.New[id.Node]()
	customer = id.New[id.Node]()
	foreign  = id.New[id.Node]()
	now      = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
)

// home is the node at which a role is held in these tests.
func home(r access.Role) id.Node {
	switch r {
	case access.ProviderAdmin, access.ProviderSupport:
		return provider
	case access.ResellerAdmin:
		return reseller
	}
	return customer
}

// want is the policy written a second time, as sentences of the issue: a slip
// in the table must be made twice to go unseen.
func want(r access.Role, a access.Act, own bool) bool {
	above := r == access.ProviderAdmin || r == access.ResellerAdmin
	admin := r == access.CustomerAdmin
	switch a {
	case access.ScimProvision, access.SourcePush:
		return false
	case access.RecordingListen, access.RecordingTranscript:
		return r == access.SuperUser || own && (r == access.User || r == access.Supervisor)
	case access.RecordingList:
		return r == access.SuperUser || admin || own && (r == access.User || r == access.Supervisor || r == access.Agent)
	case access.PaymentRead:
		return admin || r == access.Auditor
	case access.RecordingDownload, access.RecordingRedact, access.RecordingOriginal, access.PseudonymReveal:
		return r == access.SuperUser
	case access.ExposureRead:
		return slices.Contains(access.RolesAt("customer"), r)
	case access.JournalRead, access.JournalExport, access.ReceiptRead, access.PolicyRead, access.MemberRead:
		return admin || r == access.Auditor
	case access.ReviewRead:
		return admin || above || r == access.Auditor
	case access.ExportTake:
		return admin || r == access.SuperUser || r == access.Auditor
	case access.CoverageRead, access.CertificateRead, access.PseudonymRead:
		return admin || r == access.Auditor
	case access.HoldRead:
		return admin || r == access.Auditor
	case access.RecordingTag:
		return admin || r == access.SuperUser || own && r == access.Supervisor
	case access.KeyRead:
		return admin || r == access.ProviderAdmin || r == access.Auditor
	case access.RootManage:
		return r == access.ProviderAdmin
	case access.AlertRead:
		return admin || above || r == access.ProviderSupport || r == access.Auditor
	case access.AlertManage:
		return admin || above
	case access.ReviewDecide, access.SessionManage, access.AccesslistManage:
		return admin || above
	case access.UsageRead:
		return admin || above || r == access.ProviderSupport
	case access.BackupRun:
		return r == access.ProviderAdmin
	case access.HealthRead, access.BackupRead:
		return admin || above || r == access.ProviderSupport || r == access.Auditor
	case access.NodeManage, access.StaffManage, access.QuotaSet, access.BrandingSet, access.CustomerSuspend, access.ChecklistSign, access.BlueprintApply:
		return above
	}
	return admin
}

func TestEveryRoleAndEveryAct(t *testing.T) {
	for _, r := range access.Roles() {
		for _, a := range access.Acts() {
			for _, own := range []bool{true, false} {
				held := []access.Membership{{Role: r, At: home(r), Part: own201}}
				thing := access.Thing{Place: customer, Above: []id.Node{provider, reseller}, Extensions: []string{"202"}}
				if own {
					thing.Extensions = []string{"202", "201"}
				}
				got := access.Allow(held, a, thing, now)
				if got.Allowed != want(r, a, own) {
					t.Errorf("%s, %s, own extension %v: %v", r, a, own, got.Allowed)
				}
				if got.Allowed && got.By != r {
					t.Errorf("%s, %s: allowed by %q", r, a, got.By)
				}
				thing.Place = foreign
				thing.Above = []id.Node{id.New[id.Node]()}
				if access.Allow(held, a, thing, now).Allowed {
					t.Errorf("%s may %s in a foreign place", r, a)
				}
				held[0].Until = now
				thing.Place, thing.Above = customer, []id.Node{provider, reseller}
				if access.Allow(held, a, thing, now).Allowed {
					t.Errorf("%s may %s after the membership ended", r, a)
				}
			}
		}
	}
}

func TestNoProviderOrResellerRoleReachesContent(t *testing.T) {
	held := []access.Membership{
		{Role: access.ProviderAdmin, At: provider, Part: own201},
		{Role: access.ResellerAdmin, At: reseller, Part: own201},
		{Role: access.ProviderAdmin, At: customer, Part: own201},
		{Role: access.ResellerAdmin, At: customer, Part: own201},
	}
	thing := access.Thing{Place: customer, Above: []id.Node{provider, reseller}, Extensions: []string{"201"}}
	allowed := access.ActsAt(held, thing, now)
	for _, a := range allowed {
		if slices.Contains(closed, a) {
			t.Errorf("provider and reseller together may %s", a)
		}
	}
}

// closed are the acts that show what lies in a customer's place.
var closed = []access.Act{
	access.RecordingList, access.RecordingListen, access.RecordingTranscript, access.RecordingDownload, access.RecordingDestroy,
	access.JournalRead, access.JournalExport, access.MemberRead, access.MemberManage, access.DirectoryManage, access.SuperuserGrant,
	access.SupportGrant, access.PolicyRead, access.SourceManage, access.ImportRun, access.RetentionSet, access.SpeechSet, access.AttentionRead, access.ExposureRead, access.CoverageRead,
}

func TestWhatIsNotSaidIsDenied(t *testing.T) {
	held := []access.Membership{{Role: access.SuperUser, At: customer}}
	thing := access.Thing{Place: customer}
	for _, a := range []access.Act{"", "recording.unknown"} {
		if access.Allow(held, a, thing, now).Allowed {
			t.Errorf("the act %q is allowed", a)
		}
	}
	if access.Allow([]access.Membership{{Role: "root", At: customer}}, access.RecordingListen, thing, now).Allowed {
		t.Error("an unknown role is allowed to listen")
	}
	if access.Allow([]access.Membership{{Role: access.SuperUser}}, access.RecordingListen, access.Thing{}, now).Allowed {
		t.Error("no place at all matches no place at all")
	}
	if access.Allow(nil, access.RecordingList, thing, now).Allowed {
		t.Error("somebody without a membership is allowed")
	}
}

// own201 is what somebody reaches whose extension is 201, now and ever.
var own201 = access.Part{Spans: []access.Span{{Extension: "201"}}}

func TestExtentGathersWhatAllMembershipsReach(t *testing.T) {
	part := func(x ...string) (p access.Part) {
		for _, one := range x {
			p.Spans = append(p.Spans, access.Span{Extension: one})
		}
		return p
	}
	held := []access.Membership{
		{Role: access.User, At: customer, Part: part("202", "201")},
		{Role: access.User, At: customer, Part: part("203")},
		{Role: access.User, At: foreign, Part: part("999")},
		{Role: access.Supervisor, At: customer},
	}
	e := access.ExtentOf(held, access.RecordingListen, access.Thing{Place: customer}, now)
	if e.All || len(e.Clauses) != 2 || e.None() {
		t.Fatalf("extent %+v", e)
	}
	of := func(x ...string) access.Thing { return access.Thing{Extensions: x} }
	if e.Covers(of("999")) || e.Covers(of()) || !e.Covers(of("7", "202")) || !e.Covers(of("203")) {
		t.Error("the extent covers the wrong recordings")
	}
	if (access.Extent{Clauses: []access.Clause{{Spans: []access.Span{{}}, Queues: []string{""}}}}).Covers(of("")) {
		t.Error("a missing extension matches a missing extension")
	}
	if !(access.Extent{}).None() || !access.ExtentOf(nil, access.RecordingList, access.Thing{Place: customer}, now).None() {
		t.Error("nothing is something")
	}
}

// An extension is somebody's for a time: what it took part in before and after
// is another's.
func TestRightsAreThoseAtTheTimeOfTheCall(t *testing.T) {
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	for _, c := range []struct {
		name string
		part access.Part
		when time.Time
		want bool
	}{
		{"before", access.Part{Spans: []access.Span{{Extension: "201", From: day(-5), To: day(-2)}}}, day(-6), false},
		{"at the first instant", access.Part{Spans: []access.Span{{Extension: "201", From: day(-5), To: day(-2)}}}, day(-5), true},
		{"within", access.Part{Spans: []access.Span{{Extension: "201", From: day(-5), To: day(-2)}}}, day(-3), true},
		{"at the end", access.Part{Spans: []access.Span{{Extension: "201", From: day(-5), To: day(-2)}}}, day(-2), false},
		{"without beginning", access.Part{Spans: []access.Span{{Extension: "201", To: day(-2)}}}, day(-900), true},
		{"without end", access.Part{Spans: []access.Span{{Extension: "201", From: day(-2)}}}, day(0), true},
		{"of unknown time", access.Part{Spans: []access.Span{{Extension: "201", From: day(-2)}}}, time.Time{}, false},
		{"another extension", access.Part{Spans: []access.Span{{Extension: "20"}}}, day(0), false},
		{"the queue", access.Part{Queues: []string{"sales"}}, day(0), true},
		{"another queue", access.Part{Queues: []string{"service"}}, day(0), false},
		{"everything", access.Part{All: true}, day(-900), true},
		{"everything of ten days, old", access.Part{All: true, MaxAge: 240 * time.Hour}, day(-11), false},
		{"everything of ten days, new", access.Part{All: true, MaxAge: 240 * time.Hour}, day(-9), true},
		{"the queue, old", access.Part{Queues: []string{"sales"}, MaxAge: 240 * time.Hour}, day(-11), false},
		{"age alone", access.Part{MaxAge: 240 * time.Hour}, day(-1), false},
	} {
		thing := access.Thing{Place: customer, Extensions: []string{"7", "201"}, Queue: "sales", StartedAt: c.when}
		for _, r := range []access.Role{access.User, access.Supervisor} {
			held := []access.Membership{{Role: r, At: customer, Part: c.part}}
			if got := access.Allow(held, access.RecordingListen, thing, now).Allowed; got != c.want {
				t.Errorf("%s as %s: %v", c.name, r, got)
			}
			if got := access.ExtentOf(held, access.RecordingListen, thing, now).Covers(thing); got != c.want {
				t.Errorf("%s as %s, by the extent: %v", c.name, r, got)
			}
		}
	}
}

// Whoever helps for four hours cannot make the hours longer, nor a way back.
func TestSupportAccessLeavesNothingBehind(t *testing.T) {
	thing := access.Thing{Place: customer}
	for _, r := range access.RolesAt("customer") {
		own := []access.Membership{{Role: r, At: customer, Part: access.Part{All: true}}}
		visiting := []access.Membership{{Role: r, At: customer, Part: access.Part{All: true}, Grant: id.New[id.Support](), Until: now.Add(time.Hour)}}
		for _, a := range access.Acts() {
			want := access.Allow(own, a, thing, now).Allowed && !access.Outlasts(a)
			if got := access.Allow(visiting, a, thing, now).Allowed; got != want {
				t.Errorf("%s may %s under support access: %v", r, a, got)
			}
			if access.Allow(visiting, a, thing, now.Add(time.Hour)).Allowed {
				t.Errorf("%s may %s after support access ended", r, a)
			}
		}
	}
	for _, a := range []access.Act{access.MemberManage, access.SuperuserGrant, access.SupportGrant, access.TokenManage, access.IdpManage, access.ScimManage, access.AccesslistManage} {
		if !access.Outlasts(a) {
			t.Errorf("%s would stay after support access", a)
		}
	}
}

func TestLimitsAreLiftedFromAboveOnly(t *testing.T) {
	held := []access.Membership{{Role: access.ResellerAdmin, At: reseller}}
	for _, a := range []access.Act{access.QuotaSet, access.CustomerSuspend} {
		if access.Allow(held, a, access.Thing{Place: reseller, Above: []id.Node{provider}}, now).Allowed {
			t.Errorf("a reseller may %s at the own node", a)
		}
		if !access.Allow(held, a, access.Thing{Place: customer, Above: []id.Node{reseller, provider}}, now).Allowed {
			t.Errorf("a reseller may not %s below", a)
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	held := []access.Membership{
		{Role: access.Agent, At: customer, Part: own201},
		{Role: access.User, At: customer, Part: access.Part{Spans: []access.Span{{Extension: "202"}, {Extension: "203", From: now}, {Extension: "201", From: now.AddDate(0, 0, -9), To: now}}}},
	}
	thing := access.Thing{Place: customer, Extensions: []string{"7", "201"}, StartedAt: now.AddDate(0, 0, -1)}
	for b.Loop() {
		if !access.Allow(held, access.RecordingListen, thing, now).Allowed {
			b.Fatal("denied")
		}
	}
}

func TestTokensCannotMakeSuccessors(t *testing.T) {
	for _, a := range []access.Act{access.MemberManage, access.SuperuserGrant, access.TokenManage, "nonsense"} {
		if access.ForMachines(a) {
			t.Errorf("a token may carry %s", a)
		}
	}
}

func TestRolesAreHeldOnlyWhereTheyBelong(t *testing.T) {
	n := 0
	for _, kind := range []string{"provider", "reseller", "customer"} {
		n += len(access.RolesAt(kind))
	}
	if n != len(access.Roles()) || access.RolesAt("elsewhere") != nil {
		t.Fatalf("%d roles have a kind of node, of %d", n, len(access.Roles()))
	}
}

func TestPermissionsPage(t *testing.T) {
	const path = "../../../docs/permissions.md"
	if *update {
		if err := os.WriteFile(path, []byte(access.Markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != access.Markdown() {
		t.Error("docs/permissions.md differs from the table: go test ./internal/tenancy/access -update")
	}
}
