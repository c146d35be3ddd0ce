package receipt_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/receipt"
)

func TestMain(m *testing.M) { placetest.Main(m) }

func opened(t *testing.T, p *place.Place, who actor.Actor, subject, what string) {
	t.Helper()
	if _, err := p.Receipt(t.Context(), who, place.Opening{Subject: subject, What: what}); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, p *place.Place, f receipt.Filter) (all []receipt.Line) {
	t.Helper()
	err := p.View(t.Context(), func(tx *place.Tx) (err error) {
		all, err = receipt.List(tx, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Every opening is listed, by whoever, and each filter finds what it names and
// nothing else.
func TestEveryOpeningIsListed(t *testing.T) {
	placetest.Run(t, place.Schemas{Place: receipt.Migrations()}, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		ses := id.New[id.Session]()
		anna := actor.ForPerson(id.New[id.Person](), ses, "192.0.2.7")
		helper := actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "198.51.100.2")
		grant := id.New[id.Support]()
		helper.OnBehalf = grant.String()
		rec, other := id.New[id.Recording]().String(), id.New[id.Recording]().String()
		opened(t, p, anna.For("Complaint 100%_x"), rec, "listen")
		opened(t, p, anna.For("Training"), other, "transcript")
		opened(t, p, anna, "recordings", "card")
		opened(t, p, helper.For("fault 12"), rec, "download")
		opened(t, p, actor.ForSystem("speech").For("transcription"), rec, "transcribe")

		all := list(t, p, receipt.Filter{})
		if len(all) != 5 || all[0].Who != "speech" || !all[0].Machine() || all[4].From != "192.0.2.7" || all[4].Session != ses.String() || all[4].Receipt == "" || all[4].Until.IsZero() {
			t.Fatalf("%+v", all)
		}
		if all[1].Support != grant.String() {
			t.Error("the support access is not shown:", all[1])
		}
		for name, c := range map[string]struct {
			f    receipt.Filter
			want int
		}{
			"person":           {receipt.Filter{Who: anna.ID}, 3},
			"support access":   {receipt.Filter{Who: grant.String()}, 1},
			"kind":             {receipt.Filter{Kind: "system"}, 1},
			"recording":        {receipt.Filter{Subject: rec}, 3},
			"way":              {receipt.Filter{What: "listen"}, 1},
			"content":          {receipt.Filter{Content: true}, 3},
			"purpose":          {receipt.Filter{Purpose: "COMPLAINT 100%_"}, 1},
			"no pattern":       {receipt.Filter{Purpose: "%"}, 1},
			"no way pattern":   {receipt.Filter{What: "%"}, 0},
			"unstated":         {receipt.Filter{Unstated: true}, 1},
			"session":          {receipt.Filter{Session: ses.String()}, 3},
			"before it began":  {receipt.Filter{To: time.Now().Add(-time.Hour)}, 0},
			"from an hour ago": {receipt.Filter{From: time.Now().Add(-time.Hour)}, 5},
			"a page":           {receipt.Filter{Limit: 2}, 2},
			"the next page":    {receipt.Filter{Before: all[1].Position, Limit: 10}, 3},
		} {
			if got := list(t, p, c.f); len(got) != c.want {
				t.Errorf("%s: %d, want %d", name, len(got), c.want)
			}
		}
	})
}

// The export is an opening too, has no line twice, and no cell that a
// spreadsheet would run.
func TestExport(t *testing.T) {
	placetest.Run(t, place.Schemas{Place: receipt.Migrations()}, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		who := actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.7")
		opened(t, p, who.For("=cmd()"), "recordings", "listen")
		var out bytes.Buffer
		if err := receipt.Export(t.Context(), p, who.For("audit"), receipt.Filter{}, "csv", func(receipt.Line) string { return "Anna" }, &out); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(rows) != 3 || rows[1][13] != "'=cmd()" || rows[2][4] != "export" || rows[2][9] != "Anna" || rows[2][13] != "audit" {
			t.Errorf("%v %v", rows, err)
		}
		out.Reset()
		if err := receipt.Export(t.Context(), p, who, receipt.Filter{What: "listen"}, "jsonl", nil, &out); err != nil || strings.Count(out.String(), "\n") != 1 {
			t.Error(out.String(), err)
		}
		out.Reset()
		if err := receipt.Export(t.Context(), p, who.For("for Anna"), receipt.Filter{Nameless: true}, "jsonl", nil, &out); err != nil || strings.Contains(out.String(), "Anna") || strings.Contains(out.String(), "audit") {
			t.Error("without names it says", out.String(), err)
		}
		if err := receipt.Export(t.Context(), p, who, receipt.Filter{}, "xml", nil, &out); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
	})
}

// A purpose is asked of whom the customer chose, and of nobody else.
func TestPurpose(t *testing.T) {
	user := []access.Membership{{Role: access.User}}
	helper := []access.Membership{{Role: access.Auditor, Grant: id.New[id.Support]()}}
	both := []access.Membership{{Role: access.Auditor}, {Role: access.SuperUser}}
	set := receipt.Settings{Roles: []access.Role{access.SuperUser}, Support: true, Ready: []string{"Complaint"}}
	for name, c := range map[string]struct {
		held    []access.Membership
		purpose string
		free    bool
		good    bool
	}{
		"not asked":          {user, "", false, true},
		"asked, none":        {both, "", true, false},
		"asked, blank":       {both, " \t ", true, false},
		"asked, ready":       {both, " Complaint ", false, true},
		"asked, own words":   {both, "because", false, false},
		"asked, may be own":  {both, "because", true, true},
		"helper, none":       {helper, "", true, false},
		"helper, own, taken": {helper, "ticket 7", true, true},
	} {
		set.Free = c.free
		if _, err := set.Check(c.held, c.purpose); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSettings(t *testing.T) {
	placetest.Run(t, place.Schemas{Place: receipt.Migrations()}, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		who := actor.ForSystem("test")
		now := func() (set receipt.Settings) {
			if err := p.View(t.Context(), func(tx *place.Tx) (err error) { set, err = receipt.ReadSettings(tx); return err }); err != nil {
				t.Fatal(err)
			}
			return set
		}
		if set := now(); len(set.Roles) != 0 || len(set.Ready) == 0 || !set.Free {
			t.Error(set)
		}
		for _, bad := range []receipt.Settings{
			{Roles: []access.Role{access.ProviderAdmin}, Free: true},
			{Roles: []access.Role{access.User}},
			{Ready: []string{strings.Repeat("x", 301)}, Free: true},
		} {
			if err := receipt.SetSettings(t.Context(), p, who, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		if err := receipt.SetSettings(t.Context(), p, who, receipt.Settings{Roles: []access.Role{access.User, access.User}, Ready: []string{" A  b ", "A b"}}); err != nil {
			t.Fatal(err)
		}
		if set := now(); len(set.Roles) != 1 || len(set.Ready) != 1 || set.Ready[0] != "A b" || set.Free {
			t.Error(set)
		}
	})
}
