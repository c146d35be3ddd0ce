package blueprint_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/blueprint"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

const harbour = `version: 1
customer: Harbour Dental
quotas: {seats: 5, minutes: 100}
branding: {name: Harbour, accent: "#123456", on_accent: "#ffffff"}
retention: {days: 365}
speech: {engine: builtin, language: en-gb}
sign_in: {factor: strong, device_days: 7}
sources:
- {name: Front desk, kind: collector, profile: asterisk, folder: /var/spool/asterisk, time_zone: Europe/London, country: GB}
- {name: Drop, kind: folder, profile: generic, folder: "/srv/{customer}/drop"}
people:
- {email: dana@harbour.example, name: Dana, roles: [customer_admin]}
- {email: lee@harbour.example, name: Lee, roles: [auditor]}
`

func TestTheSampleIsABlueprint(t *testing.T) {
	text := blueprint.Sample()
	f, err := blueprint.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if f.Customer == "" || *f.Quotas.Seats == 0 || len(f.Sources) != 1 || len(f.People) != 1 || f.Sources[0].Kind != "collector" {
		t.Errorf("the sample leaves things out: %+v", f)
	}
	doc, err := os.ReadFile("../../../docs/tree.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), text) {
		t.Error("docs/tree.md does not hold the sample: ringfence blueprint sample")
	}
}

func TestEveryFaultHasItsPath(t *testing.T) {
	bad := `version: 2
customer: ""
quotas: {seats: -1, beer: 3}
branding: {accent: "#777777", on_accent: "#ffffff", logo: "!"}
retention: {days: 5, forever: true}
speech: {engine: openai, language: klingonese-language-of-old}
sign_in: {factor: none, device_days: 91}
sources:
- {name: a, kind: folder, profile: asterisk, time_zone: Mars}
- {name: a, kind: pipe, profile: other, after: burn}
- {name: b, kind: collector, profile: generic, pattern: "{who}", country: gb}
people:
- {email: nobody, name: "", roles: [superuser]}
- {email: x@y.example, name: X, roles: []}
- {email: X@y.example, name: X, roles: [user]}
`
	_, err := blueprint.Parse([]byte(bad))
	got := map[string]bool{}
	for _, d := range fault.Of(err).Details {
		got[d.Path] = true
	}
	for _, want := range []string{
		"quotas.beer", "version", "customer", "quotas.seats", "branding.logo", "retention", "speech.engine", "speech.language", "sign_in.factor",
		"sign_in.device_days", "sources[0].folder", "sources[0].time_zone", "sources[1].name", "sources[1].kind", "sources[1].profile", "sources[1].after", "sources[2].pattern", "sources[2].country",
		"people[0].email", "people[0].name", "people[0].roles", "people[1].roles", "people[2].email", "people[2].roles", "people",
	} {
		if !got[want] {
			t.Errorf("no fault at %s in %v", want, err)
		}
	}
	for retention, want := range map[string]string{
		"{days: 0, forever: true}": "retention", "{days: 5, forever: true}": "retention", "{}": "retention", "{forever: false}": "retention",
		"{days: 0}": "retention.days", "{days: -1}": "retention.days", "{days: 36501, forever: false}": "retention.days",
		"{days: 5, forever: false}": "", "{forever: true}": "", "{days: null, forever: true}": "",
	} {
		_, err := blueprint.Parse([]byte("version: 1\ncustomer: x\nretention: " + retention))
		if d := fault.Of(err).Details; (want == "") != (err == nil) || want != "" && (len(d) != 1 || d[0].Path != want) {
			t.Errorf("retention %s: %v, want a fault at %q", retention, err, want)
		}
	}
	if _, err := blueprint.Parse([]byte("version: 1\ncustomer: x\nbranding: {accent: \"#777777\", on_accent: \"#ffffff\"}")); !strings.Contains(err.Error(), "4.48 to 1") {
		t.Errorf("what cannot be read: %v", err)
	}
}

// Whoever writes blueprints must not be able to have what was said reach themselves.
func TestNoRoleThatOpensContentIsGiven(t *testing.T) {
	for _, r := range access.RolesAt("customer") {
		text := "version: 1\ncustomer: x\npeople:\n- {email: a@b.example, name: A, roles: [customer_admin, " + string(r) + "]}"
		_, err := blueprint.Parse([]byte(text))
		if refused := access.OpensContent(r) || r == access.Agent; refused == (err == nil) { // agents see a list of calls
			t.Errorf("%s: %v", r, err)
		}
	}
}

func TestApplyTwiceChangesNothing(t *testing.T) {
	everywhere(t, func(w *world) {
		before := w.events()
		dry := w.preview(harbour)
		if !dry.Changes() || !dry.Node.ID.IsZero() || w.events() != before {
			t.Fatalf("the dry run: %+v", dry)
		}
		if line(dry, "sources[Drop].folder").After != "/srv/{customer}/drop" || line(dry, "quotas.seats").After != "5" || line(dry, "people[dana@harbour.example].roles").After != "customer_admin" {
			t.Errorf("the difference: %+v", dry.Lines)
		}
		done := w.apply(harbour)
		if done.State.State != blueprint.Done || done.State.Note != "" || done.Node.ID.IsZero() {
			t.Fatalf("%+v", done.State)
		}
		want := "Harbour Dental: true 365 builtin en-GB strong 7 {Harbour #123456 #ffffff  [] }| seats 5 minutes 100| Front desk /var/spool/asterisk Europe/London| Drop /srv/ID/drop UTC| dana@harbour.example [customer_admin]| lee@harbour.example [auditor]\n"
		if got := w.picture(); got != want {
			t.Errorf("it became\n%swant\n%s", got, want)
		}
		if n := len(w.box.Mails()); n != 2 {
			t.Errorf("%d mails", n)
		}
		before = w.events()
		if again := w.apply(harbour); again.Changes() || w.events() != before || w.picture() != want || len(w.box.Mails()) != 2 {
			t.Errorf("the second time: %+v, %d events", again.Lines, w.events()-before)
		}
		next := strings.ReplaceAll(strings.ReplaceAll(harbour, "seats: 5", "seats: 6"), "days: 365", "days: 90")
		if p := w.preview(next); len(p.Lines) != 2 || line(p, "quotas.seats").Before != "5" || line(p, "retention.days").Before != "365" {
			t.Errorf("two numbers differ: %+v", p.Lines)
		}
		w.apply(next)
		if got := w.picture(); !strings.Contains(got, "true 90 ") || !strings.Contains(got, "seats 6") {
			t.Errorf("it became %s", got)
		}
		for _, period := range []string{"forever: true", "days: 90"} {
			w.apply(strings.ReplaceAll(next, "days: 90", period))
			if got, want := w.picture(), map[string]string{"forever: true": "true 0 ", "days: 90": "true 90 "}[period]; !strings.Contains(got, want) {
				t.Errorf("with %s it became %s", period, got)
			}
		}
	})
}

func line(p blueprint.Plan, path string) blueprint.Line {
	for _, l := range p.Lines {
		if l.Path == path {
			return l
		}
	}
	return blueprint.Line{}
}

// After the customer's administrator has come, the inside is the customer's.
func TestTheInsideIsTheCustomersOnceSomebodyHasCome(t *testing.T) {
	everywhere(t, func(w *world) {
		ctx := w.Context()
		n := w.apply(harbour).Node
		p := w.place(n)
		boss, err := w.options.People.Add(ctx, who, "boss@harbour.example", "Boss", secret.NewText("violet tractor mends nine kites"))
		w.no(err)
		_, err = w.options.People.AddMember(ctx, p, who, boss.ID, identity.Grant{Roles: []access.Role{access.CustomerAdmin}})
		w.no(err)
		w.no(w.options.Recordings.SetRetention(ctx, p, who, 0))
		next := strings.ReplaceAll(strings.ReplaceAll(harbour, "days: 365", "days: 1"), "minutes: 100", "minutes: 99")
		// Nobody has told the registry yet: the place itself is asked before a step.
		done := w.apply(next)
		if got := w.picture(); !strings.Contains(got, "true 0 ") || !strings.Contains(got, "minutes 99") {
			t.Errorf("it became %s", got)
		}
		if done.State.State != blueprint.Done || !strings.Contains(done.State.Note, "left as it is") && !strings.Contains(done.State.Note, "left as it was") {
			t.Errorf("%+v", done.State)
		}
		w.no(w.options.Tree.Push(ctx, n.ID, org.Figures{Signs: []org.Sign{org.SignJoined}}))
		dry := w.preview(strings.ReplaceAll(next, "days: 1}", "days: 2}"))
		if dry.Changes() || !line(dry, "retention.days").Kept {
			t.Errorf("the dry run says %+v", dry.Lines)
		}
	})
}

func TestWhatIsRefusedMakesNothing(t *testing.T) {
	everywhere(t, func(w *world) {
		ctx := w.Context()
		w.no(w.options.Tree.SetQuota(ctx, who, w.reseller.ID, org.Quota{org.Seats: 4}))
		before := w.events()
		for _, c := range []struct{ text, path string }{
			{harbour, "quotas.seats"}, // more than the reseller has
			{strings.ReplaceAll(harbour, "seats: 5", "seats: 1"), "people"},
			{strings.ReplaceAll(strings.ReplaceAll(harbour, "seats: 5", "seats: 3"), "/srv/{customer}/drop", "/srv/other/drop"), "sources[1].folder"},
			{strings.ReplaceAll(harbour, "customer: Harbour Dental", "customer: Northern"), ""},
		} {
			_, err := w.s.Apply(ctx, who, w.reseller, []byte(c.text))
			if c.path != "" && (!fault.Is(err, fault.Invalid) || fault.Of(err).Details[0].Path != c.path) {
				t2(w, c.path, err)
			}
			// The dry run says beforehand what the tree would refuse.
			if _, err := w.s.Preview(ctx, w.reseller, []byte(c.text)); strings.HasPrefix(c.path, "quotas") && (!fault.Is(err, fault.Invalid) || fault.Of(err).Details[0].Path != c.path) {
				t2(w, c.path+" of a dry run", err)
			}
		}
		if w.events() != before || w.picture() != "" {
			w.Errorf("something was made: %s", w.picture())
		}
		_, err := w.options.Tree.Create(ctx, who, w.reseller.ID, org.Reseller, "Harbour Dental")
		w.no(err)
		if _, err := w.s.Preview(ctx, w.reseller, []byte(harbour)); !fault.Is(err, fault.Invalid) {
			w.Errorf("a reseller has the name: %v", err)
		}
	})
}

func t2(w *world, path string, err error) {
	w.Helper()
	w.Errorf("want a fault at %s, got %v", path, err)
}

// crash is what a step panics with, as if the process had ended there.
type crash struct{}

// The process ends before each step in turn. After the next start everything is
// as if it had not, or as if nothing had been asked: never between.
func TestACrashAtEachStep(t *testing.T) {
	everywhere(t, func(w *world) {
		reference, steps := "", []string{}
		count := w.options
		count.Step = func(name string) { steps = append(steps, name) }
		first := strings.ReplaceAll(harbour, "Harbour Dental", "Reference")
		if _, err := blueprint.New(count).Apply(w.Context(), who, w.reseller, []byte(first)); err != nil {
			w.Fatal(err)
		}
		reference = strings.TrimPrefix(w.picture(), "Reference")
		if len(steps) < 9 {
			w.Fatalf("steps: %v", steps)
		}
		for i := range steps {
			name := string(rune('A'+i)) + " " + steps[i]
			text := strings.ReplaceAll(harbour, "Harbour Dental", name)
			text = strings.ReplaceAll(text, "harbour.example", string(rune('a'+i))+".harbour.example")
			at := 0
			dying := w.options
			dying.Step = func(string) {
				if at++; at == i+1 {
					panic(crash{})
				}
			}
			func() {
				defer func() {
					if v := recover(); v != nil && v != (crash{}) {
						panic(v)
					}
				}()
				_, err := blueprint.New(dying).Apply(w.Context(), who, w.reseller, []byte(text))
				w.Errorf("%s: survived with %v", name, err)
			}()
			for range 2 {
				w.no(blueprint.New(w.options).Recover(w.Context()))
			}
			got := ""
			for l := range strings.SplitSeq(w.picture(), "\n") {
				if strings.HasPrefix(l, name+":") {
					got = strings.TrimPrefix(l, name) + "\n"
				}
			}
			want := strings.ReplaceAll(reference, "harbour.example", string(rune('a'+i))+".harbour.example")
			if i == 0 {
				want = "" // nothing had been decided
			}
			if got != want {
				w.Errorf("the process ended before %q:\n%swant\n%s", steps[i], got, want)
			}
		}
	})
}

// failing is a way out for mail that is shut.
type failing struct{}

func (failing) Send(context.Context, mail.Message) error {
	return fault.New(fault.Unavailable, "no relay")
}

func TestMailThatDoesNotLeaveUndoesNothing(t *testing.T) {
	everywhere(t, func(w *world) {
		w.options.People = identity.New(identity.Options{Store: w.store, Mail: failing{}})
		w.s = blueprint.New(w.options)
		p := w.apply(harbour)
		if p.State.State != blueprint.Done || !strings.Contains(p.State.Note, "2 invitation(s)") || !strings.Contains(w.picture(), "dana@") {
			w.Errorf("%+v", p.State)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(harbour)
	f.Add(blueprint.Sample())
	f.Add("version: 1\ncustomer: x\npeople: [{roles: [a, a]}]\nbranding: {logo: aGk=}")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := blueprint.Parse([]byte(text))
		if err != nil && errors.Unwrap(fault.Of(err)) == nil && len(fault.Of(err).Details) == 0 && !fault.Is(err, fault.TooLarge) {
			t.Errorf("refused without a reason: %v", err)
		}
	})
}
