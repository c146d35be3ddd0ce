package privacy

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

var at = time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)

func rule(name string, days int, w When) Rule {
	return Rule{Name: name, When: w, Days: days, Then: DeleteAll}
}

func days(n int, rules ...Rule) Policy {
	return Policy{Rules: rules, Default: Rule{Days: n, Then: DeleteAll}}
}

// The most specific rule counts, and every step of what specific means does.
func TestTheMostSpecificRuleWins(t *testing.T) {
	tag := id.New[id.Tag]()
	f := Facts{
		StartedAt: at.AddDate(0, 0, -50), Length: time.Minute, Queue: "sales", Direction: "inbound", Outcome: "answered", Language: "en-GB",
		Extensions: []string{"201"}, Joined: true, Tags: []id.Tag{tag}, Marks: []recording.Mark{recording.CardData}, Scanned: true,
	}
	for _, c := range []struct {
		name string
		p    Policy
		want string
	}{
		{"nothing fits", days(100, rule("a", 10, When{Queues: []string{"service"}})), ""},
		{"one fits", days(100, rule("a", 10, When{Queues: []string{"sales"}})), "a"},
		{"more conditions", days(100, rule("a", 10, When{Marks: []recording.Mark{recording.CardData}}), rule("b", 5, When{Queues: []string{"sales"}, Languages: []string{"en"}})), "b"},
		{"mark before tag", days(100, rule("a", 10, When{Tags: []id.Tag{tag}}), rule("b", 5, When{Marks: []recording.Mark{recording.CardData}})), "b"},
		{"tag before extension", days(100, rule("a", 10, When{Extensions: []string{"201"}}), rule("b", 5, When{Tags: []id.Tag{tag}})), "b"},
		{"extension before queue", days(100, rule("a", 10, When{Queues: []string{"sales"}}), rule("b", 5, When{Extensions: []string{"201"}})), "b"},
		{"queue before outcome", days(100, rule("a", 10, When{Outcomes: []string{"answered"}}), rule("b", 5, When{Queues: []string{"sales"}})), "b"},
		{"outcome before direction", days(100, rule("a", 10, When{Directions: []string{"inbound"}}), rule("b", 5, When{Outcomes: []string{"answered"}})), "b"},
		{"direction before language", days(100, rule("a", 10, When{Languages: []string{"en"}}), rule("b", 5, When{Directions: []string{"inbound"}})), "b"},
		{"language before length", days(100, rule("a", 10, When{Length: &Range{To: 100}}), rule("b", 5, When{Languages: []string{"en"}})), "b"},
		{"the longer period", days(100, rule("a", 10, When{Queues: []string{"sales", "x"}}), rule("b", 20, When{Queues: []string{"sales", "y"}})), "b"},
		{"for ever is longest", days(100, rule("a", 0, When{Queues: []string{"sales", "x"}}), rule("b", 20, When{Queues: []string{"sales", "y"}})), "a"},
	} {
		if err := c.p.Check(); err != nil {
			t.Fatal(c.name, err)
		}
		if v := Due(c.p, f, at); v.Rule.Name != c.want {
			t.Errorf("%s: %q counts, want %q", c.name, v.Rule.Name, c.want)
		}
	}
}

// What is not known destroys nothing early, be it for ever unknown.
func TestWhatIsNotKnownKeeps(t *testing.T) {
	old := Facts{StartedAt: at.AddDate(0, 0, -50), Queue: "sales", Direction: "unknown", Outcome: "unknown"}
	known := old
	known.Language, known.Joined, known.Scanned, known.Direction, known.Outcome = "de", true, true, "internal", "abandoned"
	for _, c := range []struct {
		name string
		w    When
	}{
		{"language", When{Languages: []string{"en"}}},
		{"mark", When{Marks: []recording.Mark{recording.CardData}}},
		{"extension", When{Extensions: []string{"201"}}},
		{"direction", When{Directions: []string{"inbound"}}},
		{"outcome", When{Outcomes: []string{"answered"}}},
	} {
		long, short := days(30, rule("long", 365, c.w)), days(365, rule("short", 30, c.w))
		if v := Due(long, old, at); v.Now != Keep || v.Waits == "" || !strings.Contains(v.Reason(), "not known yet") {
			t.Errorf("%s: not known, and what may have to stay goes: %+v", c.name, v)
		}
		if v := Due(long, known, at); v.Now != Destroy || v.Waits != "" {
			t.Errorf("%s: known not to fit, and it stays: %+v", c.name, v)
		}
		if v := Due(short, old, at); v.Now != Keep {
			t.Errorf("%s: not known, and the shorter rule took it: %+v", c.name, v)
		}
	}
}

func TestSoundGoesBeforeText(t *testing.T) {
	p := days(365, Rule{Name: "a", When: When{Queues: []string{"sales"}}, Days: 30, Then: DeleteSound, TextDays: 90},
		Rule{Name: "f", When: When{Queues: []string{"figures"}}, Days: 30, Then: KeepFigures})
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	f := Facts{Queue: "sales"}
	for age, want := range map[int]Action{29: Keep, 30: RemoveSound, 89: RemoveSound, 90: Destroy} {
		f.StartedAt = at.AddDate(0, 0, -age)
		if v := Due(p, f, at); v.Now != want {
			t.Errorf("%d days old: %v, want %v", age, v.Now, want)
		}
	}
	f.StartedAt, f.SoundGone = at.AddDate(0, 0, -40), true
	if v := Due(p, f, at); v.Now != Keep {
		t.Errorf("the sound goes twice: %+v", v)
	}
	if v := Due(p, Facts{Queue: "figures", StartedAt: at.AddDate(0, 0, -30)}, at); v.Now != DestroyKeepingFigures {
		t.Errorf("%+v", v)
	}
	for _, unborn := range []int{-1, 0} {
		if v := Due(p, Facts{Queue: "figures", StartedAt: at.AddDate(0, 0, -unborn)}, at); v.Now != Keep {
			t.Errorf("%d days old: %v", unborn, v.Now)
		}
	}
}

func TestBadRulesAreRefusedByPath(t *testing.T) {
	q := When{Queues: []string{"sales"}}
	for _, c := range []struct {
		name string
		p    Policy
		path string
		text string
	}{
		{"no condition", days(30, rule("a", 10, When{})), "rules[0].when", "default"},
		{"no name", days(30, rule(" ", 10, q)), "rules[0].name", "characters"},
		{"a name twice", days(30, rule("a", 10, q), rule("A", 10, When{Queues: []string{"x"}})), "rules[1].name", "rules[0]"},
		{"less than nothing", days(30, rule("a", -1, q)), "rules[0].days", "between"},
		{"a thousand years", days(30, rule("a", 365_000, q)), "rules[0].days", "between"},
		{"the default, too", days(365_000), "default.days", "between"},
		{"text before sound", days(30, Rule{Name: "a", When: q, Days: 30, Then: DeleteSound, TextDays: 30}), "rules[0].text_days", "more than days"},
		{"nothing then", days(30, Rule{Name: "a", When: q, Days: 30}), "rules[0].then", "must be"},
		{"a mark that is none", days(30, rule("a", 10, When{Marks: []recording.Mark{"x"}})), "rules[0].when.marks[0]", "one of"},
		{"a language with its country", days(30, rule("a", 10, When{Languages: []string{"en-GB"}})), "rules[0].when.languages[0]", "language"},
		{"a length backwards", days(30, rule("a", 10, When{Length: &Range{From: 10, To: 5}})), "rules[0].when.length", "larger"},
		{"the same twice", days(30, rule("a", 10, q), rule("b", 10, q)), "rules[1]", `"b" says the same`},
		{"contradiction", days(30, rule("a", 10, q), rule("b", 20, q)), "rules[1]", `"b" and "a" contradict`},
		{"as long, and other things then", days(30, rule("a", 10, When{Queues: []string{"x", "y"}}), Rule{Name: "b", When: When{Queues: []string{"y", "z"}}, Days: 10, Then: KeepFigures}), "rules[1]", "contradict"},
		{"a set that is none", Policy{Default: Rule{Days: 1, Then: DeleteAll}, Sets: []Applied{{Set: "x"}}}, "sets[0].set", "no set"},
		{"below a set", Policy{Default: Rule{Days: 1826, Then: DeleteAll}, Sets: []Applied{{Set: "fca-5"}}}, "default.days", "SYSC 10A.1.15R"},
		{"a rule below a set", Policy{Default: Rule{Days: 3000, Then: DeleteAll}, Rules: []Rule{rule("a", 30, q)}, Sets: []Applied{{Set: "fca-7", When: q}}}, "rules[0].days", "7 years"},
		{"sound below a set", Policy{Default: Rule{Days: 30, Then: DeleteSound, TextDays: 3000}, Sets: []Applied{{Set: "fca-5"}}}, "default.days", "5 years"},
		{"for ever under the GDPR", Policy{Default: Rule{Then: DeleteAll}, Sets: []Applied{{Set: "uk-gdpr"}}}, "default.days", "must end"},
	} {
		f := fault.Of(c.p.Check())
		if f.Kind != fault.Invalid || len(f.Details) == 0 || f.Details[0].Path != c.path || !strings.Contains(f.Details[0].Text, c.text) {
			t.Errorf("%s: %v", c.name, f)
		}
	}
	fine := Policy{Default: Rule{Days: 30, Then: DeleteAll}, Rules: []Rule{rule("trading", 1827, q)}, Sets: []Applied{{Set: "fca-5", When: q}}}
	if err := fine.Check(); err != nil {
		t.Error("a set on a queue whose rule is long enough:", err)
	}
	if v := Due(Policy{Default: Rule{Days: 30, Then: DeleteAll}, Sets: []Applied{{Set: "fca-5"}}}, Facts{StartedAt: at.AddDate(-4, 0, 0)}, at); v.Now != Keep || v.Floor != "fca-5" {
		t.Errorf("a set did not hold: %+v", v)
	}
}

// random makes policies and facts of few values, so that rules meet.
type random struct{ *rand.Rand }

func (r random) some(of ...string) (out []string) {
	for _, v := range of {
		if r.IntN(3) == 0 {
			out = append(out, v)
		}
	}
	return out
}

var testTags = []id.Tag{{1}, {2}}

func (r random) when() When {
	var w When
	for range 1 + r.IntN(2) {
		switch r.IntN(8) {
		case 0:
			w.Marks = []recording.Mark{recording.Marks()[r.IntN(2)]}
		case 1:
			w.Tags = []id.Tag{testTags[r.IntN(2)]}
		case 2:
			w.Extensions = r.some("201", "202")
		case 3:
			w.Queues = r.some("sales", "service")
		case 4:
			w.Outcomes = r.some("answered", "abandoned")
		case 5:
			w.Directions = r.some("inbound", "outbound")
		case 6:
			w.Languages = r.some("en", "de")
		case 7:
			w.Length = &Range{From: r.IntN(60), To: 60 + r.IntN(60)}
		}
	}
	return w
}

func (r random) policy() Policy {
	for {
		p := days(r.IntN(40))
		for i := range r.IntN(5) {
			x := rule(string(rune('a'+i)), 1+r.IntN(40), r.when())
			switch r.IntN(4) {
			case 0:
				x.Then, x.TextDays = DeleteSound, x.Days+1+r.IntN(20)
			case 1:
				x.Then = KeepFigures
			case 2:
				x.Days = r.IntN(2) * x.Days
			}
			p.Rules = append(p.Rules, x)
		}
		if p.Check() == nil {
			return p
		}
	}
}

// alike is a policy whose rules ask for the same kind of thing, each for another.
func (r random) alike() Policy {
	p := days(r.IntN(2) * r.IntN(40))
	kind := r.IntN(3)
	for i := range 2 {
		w := [...]When{{Marks: recording.Marks()[i : i+1]}, {Tags: testTags[i : i+1]}, {Extensions: []string{"201", "202"}[i : i+1]}}[kind]
		p.Rules = append(p.Rules, rule(string(rune('a'+i)), 1+r.IntN(40), w))
	}
	return p
}

func (r random) facts() Facts {
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	f := Facts{
		StartedAt: at.AddDate(0, 0, -r.IntN(60)), Length: time.Duration(r.IntN(130)) * time.Second, Queue: one("", "sales", "service"),
		Direction: one("inbound", "outbound", "unknown"), Outcome: one("answered", "abandoned", "unknown"), Language: one("", "en", "de-AT"),
		Extensions: r.some("201", "202"), Scanned: r.IntN(2) == 0,
	}
	f.Joined = len(f.Extensions) > 0 || r.IntN(2) == 0
	for _, t := range testTags {
		if r.IntN(3) == 0 {
			f.Tags = append(f.Tags, t)
		}
	}
	for _, m := range recording.Marks() {
		if r.IntN(3) == 0 {
			f.Marks = append(f.Marks, m)
		}
	}
	return f
}

// What is called longer is longer for every recording, whatever is known of it.
func TestLongerIsLongerForAll(t *testing.T) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	longer := 0
	for range 4000 {
		old := r.policy()
		next := old
		if r.IntN(3) == 0 {
			next = r.policy()
		} else { // a small change, as people make
			next.Rules = append([]Rule(nil), old.Rules...)
			switch n := r.IntN(3); {
			case n == 0 || len(next.Rules) == 0:
				next.Default.Days += r.IntN(20)
			case n == 1:
				next.Rules[r.IntN(len(next.Rules))].Days += r.IntN(10)
			default:
				next.Rules = next.Rules[1:]
			}
			if next.Check() != nil {
				continue
			}
		}
		if Shortens(old, next) {
			continue
		}
		longer++
		for range 60 {
			f := r.facts()
			a, b := Due(old, f, at), Due(next, f, at)
			if earlier(b.SoundAt, a.SoundAt) || earlier(b.TextAt, a.TextAt) {
				t.Fatalf("called longer, but %+v is due at %v, %v instead of %v, %v:\n%s\n%s", f, b.SoundAt, b.TextAt, a.SoundAt, a.TextAt, text(old), text(next))
			}
		}
	}
	if longer < 300 {
		t.Errorf("only %d changes were called longer", longer)
	}
}

func text(p Policy) string {
	b, _ := json.Marshal(p)
	return string(b)
}

func earlier(a, b *time.Time) bool { return a != nil && (b == nil || a.Before(*b)) }

func TestWhatShortens(t *testing.T) {
	q, m := When{Queues: []string{"sales"}}, When{Marks: []recording.Mark{recording.CardData}}
	for _, c := range []struct {
		name     string
		old, new Policy
		want     bool
	}{
		{"nothing", days(30, rule("a", 10, q)), days(30, rule("a", 10, q)), false},
		{"the default longer", days(30, rule("a", 10, q), rule("m", 5, m)), days(31, rule("a", 10, q), rule("m", 5, m)), false},
		{"the default shorter", days(30), days(29), true},
		{"for ever ends", days(0), days(36500), true},
		{"no end", days(30), days(0), false},
		{"a longer rule", days(30), days(30, rule("a", 40, q)), false},
		{"a shorter rule", days(30), days(30, rule("a", 20, q)), true},
		{"a longer rule removed", days(30, rule("a", 40, q)), days(30), true},
		{"a shorter rule removed", days(30, rule("a", 20, q)), days(30), false},
		{"the sound sooner", days(30), Policy{Default: Rule{Days: 20, Then: DeleteSound, TextDays: 40}}, true},
		{"figures no more", Policy{Default: Rule{Days: 30, Then: KeepFigures}}, days(30), true},
		{"a set removed", Policy{Default: Rule{Days: 2000, Then: DeleteAll}, Sets: []Applied{{Set: "fca-5"}}}, days(2000), true},
	} {
		if got := Shortens(c.old, c.new); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Whatever is parsed can be asked of anything without a panic, and is the same
// after it was written and read again.
func FuzzPolicy(f *testing.F) {
	r := random{rand.New(rand.NewPCG(3, 4))}
	for range 5 {
		f.Add(text(r.policy()))
	}
	f.Add(`{"rules":[{"name":"a","when":{"length":{"from":1}},"days":0,"then":"delete-all"}],"default":{"days":1,"then":"keep-figures"},"sets":[{"set":"fca-5"}]}`)
	f.Add(`{"rules":[{}],"default":{}}`)
	f.Fuzz(func(t *testing.T, in string) {
		p, err := Parse(strings.NewReader(in))
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || len(fault.Of(err).Details) == 0 {
				t.Fatalf("%v names no path", err)
			}
			return
		}
		again, err := Parse(strings.NewReader(text(p)))
		if err != nil || text(again) != text(p) {
			t.Fatalf("%v: %s became %s", err, text(p), text(again))
		}
		if Shortens(p, p) {
			t.Fatalf("it is shorter than itself: %s", text(p))
		}
		g := r.facts()
		if v := Due(p, g, at); v.SoundAt != nil && v.TextAt != nil && v.SoundAt.After(*v.TextAt) {
			t.Fatalf("the sound outlasts the text: %+v", v)
		}
		p.goes(at)
		p.silenced(at)
	})
}
