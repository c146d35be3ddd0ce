package review_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/review"
)

const days = 24 * time.Hour

func TestACustomersReviewFromOpeningToSignedResult(t *testing.T) {
	everywhere(t, func(w *world) {
		boss, chief := w.member("boss@example.com", access.CustomerAdmin), w.member("chief@example.com", access.CustomerAdmin, access.SuperUser)
		anna, ben := w.member("anna@example.com", access.User), w.member("ben@example.com", access.User, access.Supervisor)
		w.now = w.now.Add(50 * days)
		w.no(w.s.Seen(w.Context(), w.here.Place, anna.ID))
		r := w.open(w.here)
		if r.Total != 4 || r.Unused != 3 {
			w.Fatalf("opened with %+v", r)
		}
		told := w.mails()
		if len(told) != 2 || !strings.Contains(told[0].Text, "4 people") || !strings.Contains(told[0].Text, "https://calls.example/c/"+w.customer.ID.String()+"/reviews/"+r.ID.String()) {
			w.Errorf("told: %+v", told)
		}
		_, err := w.s.Open(w.Context(), w.here, system)
		w.want(fault.Conflict, err)

		w.want(fault.Denied, w.decide(w.here, boss, r.ID, "boss@example.com", review.Verdict{Decision: review.Keep}))
		w.no(w.decide(w.here, chief, r.ID, "boss@example.com", review.Verdict{Decision: review.Keep, Note: " still here "}))
		w.no(w.decide(w.here, boss, r.ID, "chief@example.com", review.Verdict{Decision: review.Change, Roles: []access.Role{access.CustomerAdmin}}))
		w.no(w.decide(w.here, boss, r.ID, "anna@example.com", review.Verdict{Decision: review.Remove, Note: "left in May"}))
		if len(w.held(anna)) != 0 || !slices.Equal(w.held(chief), []access.Role{access.CustomerAdmin}) || len(w.held(ben)) != 2 {
			w.Errorf("after deciding: %v %v %v", w.held(anna), w.held(chief), w.held(ben))
		}
		w.want(fault.Conflict, w.s.Close(w.Context(), w.here, system, "Boss", r.ID))
		w.want(fault.Conflict, w.decide(w.here, boss, r.ID, "anna@example.com", review.Verdict{Decision: review.Keep}))
		for _, bad := range []review.Verdict{
			{},
			{Decision: "perhaps"},
			{Decision: review.Change},
			{Decision: review.Change, Roles: []access.Role{access.CustomerAdmin}},
			{Decision: review.Change, Roles: []access.Role{access.User, access.Supervisor}},
			{Decision: review.Keep, Note: strings.Repeat("x", 501)},
		} {
			w.want(fault.Invalid, w.decide(w.here, boss, r.ID, "ben@example.com", bad))
		}
		w.no(w.decide(w.here, boss, r.ID, "ben@example.com", review.Verdict{Decision: review.Keep}))
		_, err = w.s.Paper(w.Context(), w.here, r.ID)
		w.want(fault.Conflict, err)
		w.no(w.s.Close(w.Context(), w.here, system, "Name of boss@example.com", r.ID))
		w.want(fault.Conflict, w.decide(w.here, boss, r.ID, "ben@example.com", review.Verdict{Decision: review.Remove}))
		w.want(fault.Conflict, w.s.Close(w.Context(), w.here, system, "Boss", r.ID))
		w.checkPaper(r.ID, "Harbour Dental", "anna@example.com", "left in May", "change to customer admin", "still here", "Name of boss@example.com", "How the data was gathered", "unused")
	})
}

// checkPaper verifies a result with our own means and with another program's.
func (w *world) checkPaper(r id.Review, words ...string) {
	w.Helper()
	pdf, err := w.s.Paper(w.Context(), w.here, r)
	w.no(err)
	certificate, err := w.s.Certificate(w.Context())
	w.no(err)
	sig, err := paper.Verify(pdf)
	w.no(err)
	if !slices.Equal(sig.Certificate.Raw, certificate) {
		w.Error("signed by another key")
	}
	var stored []byte
	w.no(w.here.Place.View(w.Context(), func(tx *place.Tx) error {
		stored, err = place.Row[[]byte](tx, `SELECT pdf FROM review_papers`)
		return err
	}))
	if strings.Contains(string(stored), "%PDF") {
		w.Error("the result is stored unsealed")
	}
	if _, err := exec.LookPath("pdfsig"); err != nil {
		w.Log("poppler-utils is not installed: checked with our own means only")
		return
	}
	file := filepath.Join(w.TempDir(), "review.pdf")
	w.no(os.WriteFile(file, pdf, 0o600))
	said, _ := exec.Command("pdfsig", "-nocert", file).CombinedOutput()
	if !strings.Contains(string(said), "Signature is Valid") || !strings.Contains(string(said), "Total document signed") || !strings.Contains(string(said), "Beacon Hosting") {
		w.Errorf("pdfsig:\n%s", said)
	}
	text, err := exec.Command("pdftotext", "-raw", file, "-").Output()
	w.no(err)
	flat := strings.Join(strings.Fields(string(text)), " ")
	for _, word := range words {
		if !strings.Contains(flat, word) {
			w.Errorf("the result does not say %q:\n%s", word, text)
		}
	}
}

func TestReviewsOpenByThemselvesAndRemind(t *testing.T) {
	everywhere(t, func(w *world) {
		w.member("boss@example.com", access.CustomerAdmin)
		w.member("anna@example.com", access.User)
		w.turn(w.here)
		rule, list, err := w.s.List(w.Context(), w.here)
		w.no(err)
		if rule.Months != 3 || rule.Suspend || len(list) != 0 {
			w.Fatalf("without a word of the customer: %+v, %d reviews", rule, len(list))
		}
		w.now = rule.NextAt.Add(-time.Hour)
		w.turn(w.here)
		if len(w.mails()) != 0 {
			w.Error("told too early")
		}
		w.now = rule.NextAt.Add(time.Hour)
		for range 2 {
			w.turn(w.here)
		}
		_, list, err = w.s.List(w.Context(), w.here)
		w.no(err)
		if len(list) != 1 || list[0].Total != 2 || len(w.mails()) != 1 {
			w.Fatalf("%+v", list)
		}
		for _, step := range []struct {
			after time.Duration
			want  string
		}{{6 * days, ""}, {day(7), "2 decisions are open"}, {day(7) + time.Hour, ""}, {day(12), "2 decisions are open"}, {day(14), "is due"}, {day(15), ""}} {
			w.now = list[0].OpenedAt.Add(step.after)
			w.turn(w.here)
			got := w.mails()
			got = slices.DeleteFunc(got, func(m mailMessage) bool { return strings.Contains(m.Subject, "not finished in time") })
			if step.want == "" && len(got) != 0 || step.want != "" && (len(got) != 1 || !strings.Contains(got[0].Subject, step.want)) {
				w.Errorf("%v after the opening: %+v", step.after, got)
			}
		}
		// Nobody decided: nothing is taken, for the rule says to remind only.
		if r, lines, _ := w.s.Read(w.Context(), w.here, list[0].ID); !r.ClosedAt.IsZero() || lines[0].Decision != "" {
			w.Errorf("%+v", r)
		}
		// The next round closes it as it is.
		rule, _, err = w.s.List(w.Context(), w.here)
		w.no(err)
		w.now = rule.NextAt
		w.turn(w.here)
		_, list, err = w.s.List(w.Context(), w.here)
		w.no(err)
		if len(list) != 2 || !list[0].ClosedAt.IsZero() || list[1].ClosedAt.IsZero() {
			w.Errorf("%+v", list)
		}
		w.checkPaper(list[1].ID, "undecided", "Decided 0 of 2")
	})
}

func day(n int) time.Duration { return time.Duration(n) * days }

func TestWhatNobodyDecidesIsSuspendedButNeverTheLastAdministrator(t *testing.T) {
	everywhere(t, func(w *world) {
		w.nodeRole(w.reseller.ID, "reseller@example.com", access.ResellerAdmin)
		boss, chief, anna := w.member("boss@example.com", access.CustomerAdmin), w.member("chief@example.com", access.CustomerAdmin), w.member("anna@example.com", access.SuperUser)
		w.want(fault.Invalid, w.s.SetRule(w.Context(), w.here, system, 2, true))
		w.no(w.s.SetRule(w.Context(), w.here, system, 1, true))
		r := w.open(w.here)
		w.no(w.decide(w.here, boss, r.ID, "chief@example.com", review.Verdict{Decision: review.Keep}))
		w.mails()
		w.now = r.DueAt.Add(-time.Minute)
		w.turn(w.here)
		if len(w.held(anna)) != 1 {
			w.Fatal("suspended before the time")
		}
		w.now = r.DueAt
		for range 2 {
			w.turn(w.here)
		}
		if len(w.held(anna)) != 0 || len(w.held(boss)) != 0 || len(w.held(chief)) != 1 {
			w.Errorf("at the end: %v %v %v", w.held(anna), w.held(boss), w.held(chief))
		}
		got, _, err := w.s.Read(w.Context(), w.here, r.ID)
		w.no(err)
		if got.ClosedAt.IsZero() {
			w.Error("not closed, though nothing is undecided")
		}
		w.checkPaper(r.ID, "suspended: nobody decided in time")
		// Given back, by the one who is left; not by oneself where another could.
		w.no(w.decide(w.here, chief, r.ID, "anna@example.com", review.Verdict{Decision: review.Resumed}))
		if !slices.Equal(w.held(anna), []access.Role{access.SuperUser}) {
			w.Errorf("given back: %v", w.held(anna))
		}
		w.want(fault.Conflict, w.decide(w.here, chief, r.ID, "anna@example.com", review.Verdict{Decision: review.Resumed}))

		// Now the only administrator decides nothing at all.
		w.now = w.now.AddDate(0, 1, 0)
		w.turn(w.here)
		w.mails()
		w.now = w.now.Add(15 * days)
		for range 2 {
			w.turn(w.here)
		}
		if len(w.held(chief)) != 1 {
			w.Fatal("the last administrator was suspended")
		}
		told := w.mails()
		above := slices.DeleteFunc(told, func(m mailMessage) bool { return m.To != "reseller@example.com" })
		if len(above) != 1 || !strings.Contains(above[0].Subject, "not finished in time") || strings.Contains(above[0].Text, "anna") {
			w.Errorf("the level above was told: %+v", above)
		}
		_, list, err := w.s.List(w.Context(), w.here)
		w.no(err)
		if list[0].EscalatedAt.IsZero() || !list[0].ClosedAt.IsZero() {
			w.Errorf("%+v", list[0])
		}
	})
}

func TestTheOnlyAdministratorDecidesAboutThemselvesAndItIsSaid(t *testing.T) {
	everywhere(t, func(w *world) {
		boss := w.member("boss@example.com", access.CustomerAdmin, access.SuperUser)
		r := w.open(w.here)
		w.want(fault.Conflict, w.decide(w.here, boss, r.ID, "boss@example.com", review.Verdict{Decision: review.Remove}))
		w.want(fault.Conflict, w.decide(w.here, boss, r.ID, "boss@example.com", review.Verdict{Decision: review.Change, Roles: []access.Role{access.SuperUser}}))
		w.no(w.decide(w.here, boss, r.ID, "boss@example.com", review.Verdict{Decision: review.Keep}))
		if l := w.lines(w.here, r.ID)["boss@example.com"]; !l.Alone || l.Decision != review.Keep {
			w.Errorf("%+v", l)
		}
		w.no(w.s.Close(w.Context(), w.here, system, boss.Name, r.ID))
		w.checkPaper(r.ID, "there was no other administrator")
	})
}

func TestProviderAndResellersReviewEveryMonth(t *testing.T) {
	everywhere(t, func(w *world) {
		top := w.nodeRole(w.provider.ID, "top@example.com", access.ProviderAdmin)
		mid, old := w.nodeRole(w.reseller.ID, "mid@example.com", access.ResellerAdmin), w.nodeRole(w.reseller.ID, "old@example.com", access.ResellerAdmin)
		w.member("boss@example.com", access.CustomerAdmin)
		w.want(fault.Invalid, w.s.SetRule(w.Context(), w.atReseller, system, 0, false))
		w.no(w.s.SetRule(w.Context(), w.atReseller, system, 1, true))
		w.no(w.s.Sweep(w.Context()))
		w.now = w.now.AddDate(0, 1, 1)
		w.no(w.s.Sweep(w.Context()))
		for _, at := range []review.Where{w.atProvider, w.atReseller} {
			rule, list, err := w.s.List(w.Context(), at)
			w.no(err)
			if rule.Months != 1 || len(list) != 1 {
				w.Fatalf("at %v: %+v, %+v", at.Node, rule, list)
			}
		}
		if told := w.mails(); len(told) != 3 || !strings.Contains(told[0].Text, "/n/") {
			w.Errorf("%+v", told)
		}
		_, list, err := w.s.List(w.Context(), w.atReseller)
		w.no(err)
		r := list[0]
		// The provider may decide at its reseller, and is the other one for the reseller's own line.
		w.no(w.decide(w.atReseller, top, r.ID, "mid@example.com", review.Verdict{Decision: review.Keep}))
		w.want(fault.Denied, w.decide(w.atReseller, mid, r.ID, "mid@example.com", review.Verdict{Decision: review.Keep}))
		w.no(w.decide(w.atReseller, mid, r.ID, "old@example.com", review.Verdict{Decision: review.Remove}))
		if got := w.nodeHeld(old); len(got) != 0 {
			w.Errorf("still holds %v", got)
		}
		w.no(w.s.Close(w.Context(), w.atReseller, system, mid.Name, r.ID))
		// Undecided, and the last: told to the provider's administrators.
		w.now = w.now.AddDate(0, 1, 1)
		w.no(w.s.Sweep(w.Context()))
		w.mails()
		w.now = w.now.Add(14 * days)
		w.no(w.s.Sweep(w.Context()))
		if len(w.nodeHeld(mid)) != 1 {
			w.Error("the reseller's last administrator was suspended")
		}
		if told := slices.DeleteFunc(w.mails(), func(m mailMessage) bool {
			return m.To != "top@example.com" || !strings.Contains(m.Subject, "Northern Voice")
		}); len(told) != 1 {
			w.Errorf("the provider was told %d times", len(told))
		}
		// No customer's people stand in any of it.
		for _, at := range []review.Where{w.atProvider, w.atReseller} {
			_, list, err := w.s.List(w.Context(), at)
			w.no(err)
			for _, r := range list {
				if _, ok := w.lines(at, r.ID)["boss@example.com"]; ok {
					w.Error("a customer's member stands in a review above")
				}
			}
		}
	})
}

func (w *world) nodeHeld(p identity.Person) []access.Role {
	w.Helper()
	var out []access.Role
	w.no(w.store.Registry().View(w.Context(), func(tx *place.Tx) error {
		all, err := identity.NodeMembersIn(tx, w.reseller.ID)
		for _, m := range all {
			if m.Person.ID == p.ID {
				out = m.Roles
			}
		}
		return err
	}))
	return out
}

func TestAReviewOfOneNodeIsNotAnothers(t *testing.T) {
	everywhere(t, func(w *world) {
		top, mid := w.nodeRole(w.provider.ID, "top@example.com", access.ProviderAdmin), w.nodeRole(w.reseller.ID, "mid@example.com", access.ResellerAdmin)
		r := w.open(w.atProvider)
		_, _, err := w.s.Read(w.Context(), w.atReseller, r.ID)
		w.want(fault.NotFound, err)
		line := w.lines(w.atProvider, r.ID)[top.Email].ID
		_, err = w.s.Decide(w.Context(), w.atReseller, system, mid, r.ID, line, review.Verdict{Decision: review.Keep})
		w.want(fault.NotFound, err)
		w.want(fault.NotFound, w.s.Close(w.Context(), w.atReseller, system, "x", r.ID))
		_, err = w.s.Paper(w.Context(), w.atReseller, r.ID)
		w.want(fault.NotFound, err)
	})
}

func TestReviewsAreSealed(t *testing.T) {
	everywhere(t, func(w *world) {
		boss := w.member("zebrawood@example.com", access.CustomerAdmin)
		r := w.open(w.here)
		w.no(w.decide(w.here, boss, r.ID, boss.Email, review.Verdict{Decision: review.Keep}))
		w.no(w.here.Place.View(w.Context(), func(tx *place.Tx) error {
			cards, err := place.Rows[[]byte](tx, `SELECT card FROM review_lines`)
			w.no(err)
			facts, err := place.Rows[string](tx, `SELECT facts FROM events`)
			all := strings.Join(facts, " ")
			for _, c := range cards {
				all += string(c)
			}
			if strings.Contains(strings.ToLower(all), "zebra") {
				w.Error("readable in the database")
			}
			return err
		}))
	})
}

func TestUseIsWrittenOnceAnHour(t *testing.T) {
	here(t, func(w *world) {
		anna := w.member("anna@example.com", access.CustomerAdmin)
		for range 3 {
			w.no(w.s.Seen(w.Context(), w.here.Place, anna.ID))
		}
		first := w.now
		w.now = w.now.Add(59 * time.Minute)
		w.no(w.s.Seen(w.Context(), w.here.Place, anna.ID))
		if got := w.lines(w.here, w.open(w.here).ID)["anna@example.com"].LastUsedAt; !got.Equal(first) {
			w.Errorf("last used %v, want %v", got, first)
		}
	})
}
