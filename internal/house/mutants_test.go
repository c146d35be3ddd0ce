package house

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var runMutants = flag.Bool("mutants", false, "take each guard away in turn and see that a test fails (minutes)")

// mutant is one guard and what the code is without it.
type mutant struct {
	name       string
	file       string // below the root
	find       string // stands in the file exactly once
	instead    string
	pkg, tests string // of which at least one must fail without the guard
}

const matrix = "TestEveryRouteEveryRole|TestNodesAreReachedFromAboveOnly"

// mutants are the guards between one customer and another, one role and another.
var mutants = []mutant{
	{"the place is compared", "internal/tenancy/access/access.go", `switch here := m.At == thing.Place; scope {`, `switch here := true; scope {`, "internal/tenancy/access", "."},
	{"a membership ends", "internal/tenancy/access/access.go", ` || !m.Until.IsZero() && !at.Before(m.Until) {`, ` {`, "internal/tenancy/access", "."},
	{"support access leaves nothing behind", "internal/tenancy/access/access.go", `if !m.Grant.IsZero() && Outlasts(act) {`, `if false {`, "internal/tenancy/access", "."},
	{"a span begins", "internal/tenancy/access/extent.go", `(s.From.IsZero() || !at.Before(s.From)) &&`, `true &&`, "internal/tenancy/access", "."},
	{"a span ends", "internal/tenancy/access/extent.go", `(s.To.IsZero() || at.Before(s.To))`, `true`, "internal/tenancy/access", "."},
	{"age is looked at", "internal/tenancy/access/extent.go", ` && (c.NotBefore.IsZero() || !thing.StartedAt.Before(c.NotBefore))`, ``, "internal/tenancy/access", "."},
	{"lists obey the scope", "internal/archive/recording/filter.go", `return w.restrict(f.Scope)`, `return nil`, "internal/archive/recording", "Filter"},
	{"looking obeys the scope", "internal/archive/recording/scope.go", "	return errMissing\n}", "	return nil\n}", "internal/archive/recording", "Scope|Looking"},
	{"looking obeys the time", "internal/archive/recording/scope.go", `row.StartedAt < from || row.StartedAt >= to`, `from > to`, "internal/archive/recording", "Looking"},
	{"an extension is one person's at a time", "internal/tenancy/directory/judge.go", `if !h.overlaps(v.Assignment) {`, `if true {`, "internal/tenancy/directory", "OnePersons"},
	{"who had it before keeps the calls", "internal/tenancy/directory/rights.go", `if a.From, err = vacant(all, tx.At()); err != nil {`, `if _, err = vacant(all, tx.At()); err != nil {`, "internal/tenancy/directory", "Before"},
	{"a helper still works above", "internal/tenancy/identity/staff.go", `if err != nil || works {`, `if err != nil || works || true {`, "internal/tenancy/identity", "SupportAccessEndsWith"},
	{"no machine names who administers a reseller", "internal/edge/httpapi/nodes.go", `if !v.may(access.StaffManage) {`, `if false {`, "internal/edge/httpapi", "NoTokenInvites"},
	{"why tells of what the asker administers", "internal/edge/httpapi/staff.go", `if access.Allow(v.held, access.StaffManage, at, v.at).Allowed {`, `if true {`, "internal/edge/httpapi", "WhyAbove"},
	{"a helper works above", "internal/tenancy/identity/staff.go", `return slices.Contains(above, m.At) })`, `return len(above) >= 0 })`, "internal/tenancy/identity", "LetIn"},
	{"a customer's place asks the act", "internal/edge/httpapi/visit.go", `if !suspended && !v.may(a) {`, `if !suspended && false {`, "internal/edge/httpapi", matrix},
	{"a node asks the act", "internal/edge/httpapi/visit.go", `	if !v.may(a) {`, `	if false {`, "internal/edge/httpapi", "TestNodesAreReachedFromAboveOnly"},
	{"a dangerous act asks for a fresh factor", "internal/edge/httpapi/visit.go", `if err == nil && rt.fresh {`, `if false {`, "internal/edge/httpapi", "TestPersonalRoutes|TestNodesAreReachedFromAboveOnly"},
	{"an opening asks its own act", "internal/edge/httpapi/openings.go", `v.scope(actOf[in.Body.What])); err != nil {`, `v.scope(access.RecordingList)); err != nil {`, "internal/edge/httpapi", matrix},
	{"words ask for what was said", "internal/edge/httpapi/recordings.go", `if !v.may(access.RecordingTranscript) {`, `if false {`, "internal/edge/httpapi", "Recordings|List|Words"},
	{"two persons destroy a customer's key", "internal/platform/keyring/warrant.go", ` || asked == given `, ` `, "internal/platform/keyring", "TwoPeople"},
	{"two accounts of one person are one", "internal/trust/approval/decide.go", `if err == nil && tied[who.ID] {`, `if err == nil && false {`, "internal/trust/privacy", "Creature|TwoAccounts"},
	{"an approval is taken first", "internal/platform/keyring/warrant.go", ` || !taken {`, ` || false && taken {`, "internal/platform/keyring", "TwoPeople"},
	{"a warrant is of one customer", "internal/platform/keyring/warrant.go", `if w.IsZero() || w.customer != c {`, `if w.IsZero() {`, "internal/platform/keyring", "TwoPeople"},
	{"what is lent ends", "internal/platform/keyring/lend.go", `&& now.Before(lo.has.until)`, ``, "internal/platform/keyring", "Refusal"},
	{"a stream asks whether it is still lent", "internal/archive/recording/hear.go", `return key, o.s.keys.Still(ctx, o.p.Customer())`, `return key, nil`, "internal/archive/recording", "RefusalEnds"},
	{"every server has the next root key", "internal/trust/custody/root.go", `m.Name != s.o.Server && !slices.Contains(m.Roots, st.Next)`, `m.Name == "" && !slices.Contains(m.Roots, st.Next)`, "internal/trust/custody", "SeveralServers"},
	{"what is done under support access says so", "internal/edge/httpapi/support.go", `v.who.OnBehalf = g.String()`, ``, "internal/edge/httpapi", "Support"},
}

// A mutant whose guard was rewritten would prove nothing, unseen.
func TestMutantsAreOfThisCode(t *testing.T) {
	for _, m := range mutants {
		if text, err := os.ReadFile(filepath.Join(root, m.file)); err != nil || strings.Count(string(text), m.find) != 1 {
			t.Errorf("%s: %q does not stand in %s once", m.name, m.find, m.file)
		}
	}
}

// Each guard is taken away in turn, in an overlay that only the child sees; the
// tests that are named beside it must fail.
func TestMutants(t *testing.T) {
	if !*runMutants {
		t.Skip("go test ./internal/house -run TestMutants -mutants")
	}
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			out, err := m.run(t)
			switch {
			case err == nil:
				t.Errorf("without the guard all tests pass: %s", m.name)
			case strings.Contains(out, "build failed") || !strings.Contains(out, "--- FAIL"):
				t.Errorf("no test ran: %s", out)
			}
		})
	}
}

func (m mutant) run(t *testing.T) (string, error) {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), m.find, m.instead, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-ldflags=-w", "-count=1", "-failfast", "-overlay", overlay, "-run", m.tests, "./"+m.pkg)
	child.Dir = root
	out, err := child.CombinedOutput()
	return string(out), err
}
