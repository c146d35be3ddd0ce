package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/directory"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var system = actor.ForSystem("test")

// people are the members that a test has: by address.
type people struct {
	byEmail map[string]id.Person
	old     []directory.Assignment
	adopted int
}

func (p *people) Find(_ *place.Tx, email string) (id.Person, error) { return p.byEmail[email], nil }

func (p *people) Called(_ *place.Tx, who id.Person) (string, string, error) {
	for email, one := range p.byEmail {
		if one == who {
			return "Called " + email, email, nil
		}
	}
	return "", "", fault.New(fault.NotFound, "no such member")
}

func (p *people) Extensions(*place.Tx) ([]directory.Assignment, error) { return p.old, nil }
func (p *people) Adopted(*place.Tx) error                              { p.old = nil; p.adopted++; return nil }

type world struct {
	*testing.T
	people *people
	d      *directory.Service
	p      *place.Place
}

func everywhere(t *testing.T, fn func(w *world)) {
	placetest.Run(t, place.Schemas{Place: directory.Migrations()}, func(t *testing.T, store *place.Store) { fn(newWorld(t, store)) })
}

func here(t *testing.T) *world {
	return newWorld(t, placetest.New(t, place.Schemas{Place: directory.Migrations()}))
}

func newWorld(t *testing.T, store *place.Store) *world {
	p := &people{byEmail: map[string]id.Person{"anna@example.com": id.New[id.Person](), "ben@example.com": id.New[id.Person]()}}
	return &world{t, p, directory.New(p), placetest.Customer(t, store)}
}

func day(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }

func (w *world) add(a directory.Assignment) directory.Assignment {
	w.Helper()
	a, err := w.d.Add(w.Context(), w.p, system, a, "GB")
	w.no(err)
	return a
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) list(ask directory.Ask) (out []string) {
	w.Helper()
	list, _, err := w.d.List(w.Context(), w.p, ask)
	w.no(err)
	for _, a := range list {
		out = append(out, line(a))
	}
	return out
}

func line(a directory.Assignment) string {
	text := a.Extension + " " + a.Name + a.Email
	if !a.From.IsZero() {
		text += " from " + a.From.Format(time.DateOnly)
	}
	if !a.To.IsZero() {
		text += " to " + a.To.Format(time.DateOnly)
	}
	return text
}

func (w *world) own(p id.Person) (spans []access.Span) {
	w.Helper()
	w.no(w.p.View(w.Context(), func(tx *place.Tx) (err error) {
		spans, err = directory.Own(tx, p)
		return err
	}))
	return spans
}

func (w *world) import_(csv string) (directory.Report, error) {
	return w.d.Import(w.Context(), w.p, system, directory.File{CSV: []byte(csv), Country: "GB", TimeZone: "Europe/London"})
}

func TestAnExtensionIsOnePersonsAtATime(t *testing.T) {
	everywhere(t, func(w *world) {
		anna, ben := w.people.byEmail["anna@example.com"], w.people.byEmail["ben@example.com"]
		first := w.add(directory.Assignment{Extension: "201", Email: "anna@example.com", To: day(10)})
		for _, a := range []directory.Assignment{
			{Extension: "201", Name: "B"},
			{Extension: "201", Name: "B", To: day(1)},
			{Extension: "201", Name: "B", From: day(9)},
			{Extension: "201", Name: "B", From: day(9), To: day(10)},
		} {
			_, err := w.d.Add(w.Context(), w.p, system, a, "")
			if !fault.Is(err, fault.Invalid) || fault.Of(err).Details[0].Text != "201 is assigned to anna@example.com to 2026-03-10" {
				w.Errorf("%s: %v", line(a), err)
			}
		}
		w.add(directory.Assignment{Extension: "201", Person: ben, From: day(10)})
		if got := w.own(anna); !slices.Equal(got, []access.Span{{Extension: "201", To: day(10)}}) {
			w.Errorf("Anna's: %v", got)
		}
		if got := w.own(ben); !slices.Equal(got, []access.Span{{Extension: "201", From: day(10)}}) {
			w.Errorf("Ben's: %v", got)
		}
		w.no(w.d.Withdraw(w.Context(), w.p, system, first.ID))
		if got := w.own(anna); got != nil {
			w.Errorf("what was withdrawn still gives %v", got)
		}
		if err := w.d.Withdraw(w.Context(), w.p, system, first.ID); !fault.Is(err, fault.NotFound) {
			w.Error(err)
		}
	})
}

func TestEndingLeavesThePast(t *testing.T) {
	everywhere(t, func(w *world) {
		anna := w.people.byEmail["anna@example.com"]
		a := w.add(directory.Assignment{Extension: "201", Person: anna, From: day(1)})
		ended, err := w.d.End(w.Context(), w.p, system, a.ID, day(5))
		w.no(err)
		if !ended.To.Equal(day(5)) || !slices.Equal(w.own(anna), []access.Span{{Extension: "201", From: day(1), To: day(5)}}) {
			w.Error(ended, w.own(anna))
		}
		if _, err := w.d.End(w.Context(), w.p, system, a.ID, day(6)); !fault.Is(err, fault.Conflict) {
			w.Error("ended twice:", err)
		}
		if _, err := w.d.End(w.Context(), w.p, system, a.ID, day(1)); !fault.Is(err, fault.Invalid) {
			w.Error("ended before it began:", err)
		}
		if got := w.list(directory.Ask{At: day(5)}); got != nil {
			w.Error("current after its end:", got)
		}
		if got := w.list(directory.Ask{At: day(4)}); len(got) != 1 {
			w.Error("not current before its end:", got)
		}
	})
}

func TestWhoHadItBeforeKeepsTheCalls(t *testing.T) {
	everywhere(t, func(w *world) {
		anna, ben := w.people.byEmail["anna@example.com"], w.people.byEmail["ben@example.com"]
		set := func(p id.Person, x ...string) error {
			return w.p.Change(w.Context(), system, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "member.changed"})
				return w.d.Set(tx, p, "N", "", x)
			})
		}
		w.no(set(anna, "201", "202"))
		if got := w.own(anna); len(got) != 2 || !got[0].From.IsZero() || !got[0].To.IsZero() {
			w.Fatalf("nobody had it before: %v", got)
		}
		if err := set(ben, "201", "202", "203"); !fault.Is(err, fault.Invalid) || len(fault.Of(err).Details) != 2 {
			w.Errorf("two people's at once: %v", err)
		}
		w.no(set(anna, "202"))
		if got := w.own(anna); len(got) != 1 || got[0].Extension != "202" {
			w.Errorf("taken away, and still reached: %v", got)
		}
		w.no(set(ben, "201"))
		if got := w.own(ben); len(got) != 1 || got[0].From.IsZero() || time.Since(got[0].From) > time.Hour {
			w.Errorf("Ben reaches calls of who had 201 before: %v", got)
		}
		w.no(w.p.Change(w.Context(), system, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "member.removed"})
			return directory.Release(tx, ben)
		}))
		if got := w.own(ben); len(got) != 1 || got[0].To.IsZero() {
			w.Errorf("after leaving: %v", got)
		}
	})
}

func TestAnAddressBecomesTheMembers(t *testing.T) {
	everywhere(t, func(w *world) {
		w.add(directory.Assignment{Extension: "204", Email: "Cleo@example.com", Name: "Cleo", Team: "Night"})
		cleo := id.New[id.Person]()
		bind := func(email string) {
			w.no(w.p.Change(w.Context(), system, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "member.invited"})
				return directory.Bind(tx, cleo, email)
			}))
		}
		bind("other@example.com")
		if w.own(cleo) != nil {
			w.Error("bound by another address")
		}
		bind("cleo@EXAMPLE.com")
		if len(w.own(cleo)) != 1 {
			w.Error("not bound")
		}
		w.no(w.p.View(w.Context(), func(tx *place.Tx) error {
			for team, n := range map[string]int{"night": 1, "Day": 0, "": 0} {
				if got, err := directory.OfTeams(tx, []string{team}); err != nil || len(got) != n {
					w.Errorf("team %q: %v %v", team, got, err)
				}
			}
			now, err := directory.Current(tx, id.Person{})
			if err != nil || !slices.Equal(now[cleo], []string{"204"}) {
				w.Error(now, err)
			}
			return nil
		}))
	})
}

func TestWhatMembersHadIsAdoptedOnce(t *testing.T) {
	w := here(t)
	anna := w.people.byEmail["anna@example.com"]
	w.people.old = []directory.Assignment{{Extension: "201", Person: anna, Name: "Anna"}}
	r, err := w.d.Preview(w.Context(), w.p, directory.File{CSV: []byte("extension,name\n201,Ben\n")})
	if err != nil || r.Faulty != 1 {
		w.Errorf("a preview does not see what will be adopted: %+v %v", r, err)
	}
	w.add(directory.Assignment{Extension: "202", Name: "Ben"})
	w.add(directory.Assignment{Extension: "203", Name: "Cleo"})
	if w.people.adopted != 1 || !slices.Equal(w.own(anna), []access.Span{{Extension: "201"}}) {
		w.Error(w.people.adopted, w.own(anna))
	}
}

func TestAFileIsReadWholeOrNotAtAll(t *testing.T) {
	everywhere(t, func(w *world) {
		csv := "\ufeffExtension;Name;E-Mail;Team;From;To;Cost centre\r\n" +
			"201;Anna;anna@example.com;Sales;2026-03-01;2026-03-31;17\r\n" +
			"201;Ben;ben@example.com;Sales;2026-04-01;;17\r\n" +
			";;;;;;\r\n" +
			"020 7183 8750;Reception;;Front;;;\r\n"
		dry, err := w.d.Preview(w.Context(), w.p, directory.File{CSV: []byte(csv), Country: "GB", TimeZone: "Europe/London"})
		w.no(err)
		if dry.Add != 3 || dry.Faulty != 0 || !slices.Equal(dry.UnknownColumns, []string{"Cost centre"}) || w.list(directory.Ask{}) != nil {
			w.Fatalf("%+v", dry)
		}
		r, err := w.import_(csv)
		if err != nil || r.Add != 3 {
			w.Fatal(r, err)
		}
		want := []string{"201 Annaanna@example.com from 2026-03-01 to 2026-03-31", "201 Benben@example.com from 2026-03-31", "+442071838750 Reception"}
		if got := w.list(directory.Ask{}); !slices.Equal(got, want) {
			// 1 April begins in London while it is 31 March in UTC.
			w.Errorf("%q", got)
		}
		if r, err = w.import_(csv); err != nil || r.Same != 3 || r.Add != 0 {
			w.Errorf("the same file again: %+v %v", r, err)
		}
		if r, err = w.import_("extension,name,email,team,from,to\n201,Ben,ben@example.com,Sales,2026-04-01,2026-06-30\n"); err != nil || r.End != 1 {
			w.Errorf("a file that ends one: %+v %v", r, err)
		}
		before := w.list(directory.Ask{})
		_, err = w.import_("extension,name,email,from,to\n" +
			"301,Zoe,,,\n" +
			"302,,,,\n" +
			",Nobody,,,\n" +
			"303,Two,not an address,soon,2026-13-01\n" +
			"201,Eve,,2026-03-05,2026-03-06\n" +
			"301,Max,,2026-01-01,\n" +
			"304,Back,,2026-02-01,2026-01-01\n")
		if !fault.Is(err, fault.Invalid) {
			w.Fatal(err)
		}
		var paths []string
		for _, d := range fault.Of(err).Details {
			paths = append(paths, d.Path)
		}
		if !slices.Equal(paths, []string{
			"lines[3].name", "lines[4].extension", "lines[5].from", "lines[5].to", "lines[5].email", "lines[6].extension", "lines[7].extension", "lines[8].to",
		}) {
			w.Errorf("%q", paths)
		}
		if !strings.Contains(err.Error(), "by line 2") {
			w.Error("which line it collides with is not said:", err)
		}
		if got := w.list(directory.Ask{}); !slices.Equal(got, before) {
			w.Error("a refused file left something")
		}
	})
}

func TestWhatIsNoTableIsRefused(t *testing.T) {
	w := here(t)
	for name, f := range map[string]directory.File{
		"empty":           {},
		"only a head":     {CSV: []byte("extension,name\n")},
		"no extension":    {CSV: []byte("name,team\nAnna,Sales\n")},
		"a column twice":  {CSV: []byte("extension,ext\n1,2\n")},
		"another coding":  {CSV: []byte("extension,name\n201,J\xfcrgen\n")},
		"a zone of Mars":  {CSV: []byte("extension,name\n201,A\n"), TimeZone: "Mars/Olympus"},
		"the host's zone": {CSV: []byte("extension,name\n201,A\n"), TimeZone: "Local"},
	} {
		if _, err := w.d.Import(w.Context(), w.p, system, f); !fault.Is(err, fault.Invalid) {
			w.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.import_("extension,name\n" + strings.Repeat("x", 4<<20)); !fault.Is(err, fault.TooLarge) {
		w.Error(err)
	}
}

func TestPagesGoOn(t *testing.T) {
	w := here(t)
	var csv strings.Builder
	csv.WriteString("extension,name\n")
	for i := range 25 {
		fmt.Fprintf(&csv, "%d,Person %d\n", 100+i, i)
	}
	_, err := w.import_(csv.String())
	w.no(err)
	var seen []string
	for ask := (directory.Ask{Limit: 10, Text: "person"}); ; {
		page, next, err := w.d.List(w.Context(), w.p, ask)
		w.no(err)
		for _, a := range page {
			seen = append(seen, a.Extension)
		}
		if ask.After = next; next == "" {
			break
		}
	}
	if len(seen) != 25 || seen[0] != "100" || seen[24] != "124" {
		w.Errorf("%d: %v", len(seen), seen)
	}
	if got := w.list(directory.Ask{Extension: "104"}); len(got) != 1 {
		w.Error(got)
	}
}

func FuzzFile(f *testing.F) {
	f.Add("extension;name;from\n201;Anna;2026-01-01\n", "GB")
	f.Add("\ufeffext\tteam\n\"2\"01\"\t\"a\nb\"\n", "")
	f.Add("extension,to\n+44 20 7183 8750,9999-99-99\n", "de")
	store := placetest.New(f, place.Schemas{Place: directory.Migrations()})
	p := placetest.Customer(f, store)
	d := directory.New(&people{})
	f.Fuzz(func(t *testing.T, csv, country string) {
		r, err := d.Preview(t.Context(), p, directory.File{CSV: []byte(csv), Country: country})
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Fatal(err)
			}
			return
		}
		if r.Add+r.End+r.Same+r.Faulty != len(r.Lines) {
			t.Errorf("%+v", r)
		}
	})
}
