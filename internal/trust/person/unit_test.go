package person

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/insight/speech"
)

// The month of the law is a calendar's, in the customer's time zone.
func TestDue(t *testing.T) {
	for _, c := range []struct{ received, zone, due, extended string }{
		{"2026-01-15T10:00:00Z", "Europe/London", "2026-02-16T00:00:00Z", "2026-04-15T23:00:00Z"},
		{"2026-01-31T10:00:00Z", "Europe/London", "2026-03-01T00:00:00Z", "2026-04-30T23:00:00Z"}, // no 31 February
		{"2028-01-31T10:00:00Z", "Europe/London", "2028-03-01T00:00:00Z", "2028-04-30T23:00:00Z"},
		{"2026-12-31T23:30:00Z", "Europe/London", "2027-02-01T00:00:00Z", "2027-03-31T23:00:00Z"}, // over the year
		{"2026-05-31T23:30:00Z", "Europe/London", "2026-07-01T23:00:00Z", "2026-09-01T23:00:00Z"}, // in London it is June already
		{"2026-03-30T12:00:00Z", "America/New_York", "2026-05-01T04:00:00Z", "2026-07-01T04:00:00Z"},
		{"2026-02-28T20:00:00Z", "Asia/Tokyo", "2026-04-01T15:00:00Z", "2026-06-01T15:00:00Z"}, // 1 March there
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := time.Parse(time.RFC3339, c.received)
		if got := Due(at, zone, false).Format(time.RFC3339); got != c.due {
			t.Errorf("%s in %s: %s, want %s", c.received, c.zone, got, c.due)
		}
		if got := Due(at, zone, true).Format(time.RFC3339); got != c.extended {
			t.Errorf("%s in %s, extended: %s, want %s", c.received, c.zone, got, c.extended)
		}
	}
	if at := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC); Aware(at) != at.Add(72*time.Hour) {
		t.Error("72 hours are hours, also over a change of the clock")
	}
}

func queryOf(t testing.TB, i Identifiers) *Query {
	t.Helper()
	q, err := newQuery(i, func(n string) ([]string, error) {
		if d := digitsOf(n); strings.HasPrefix(d, "0") && len(d) == 11 {
			return []string{n, "+44" + d[1:]}, nil
		}
		return []string{n}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// What stands in a text is found in every usual writing, and not within longer
// numbers or other people's names.
func TestIn(t *testing.T) {
	q := queryOf(t, Identifiers{Numbers: []string{"07700 900123", "201"}, Emails: []string{"Anna.Smith@Example.com"}, Names: []string{"Anna O'Neil-Smith"}, Accounts: []string{"AB-12 34"}})
	for text, want := range map[string]bool{
		"ring 07700 900123 now": true, "+44 7700 900123": true, "0044-7700-900-123": true, "in-07700900123-20261120.wav": true,
		"077009001234": false, "17700900123": false, "900123": false, "201": true, "2011": false, "call 201": true,
		"write to anna.smith@example.com": true, "ANNA O’NEIL SMITH": true, "Smith, O'Neil": false, "smith oneil anna": true, "Anna Smith": false,
		"ab1234": true, "AB 12-34": true, "xab12345": false, "": false,
	} {
		if got := len(q.In(text)) > 0; got != want {
			t.Errorf("%q: %v, %v", text, got, q.In(text))
		}
	}
	if why := q.inAll([]byte(`{"name":"Anna","list":["O'Neil-Smith"],"x":{"phone_number":"07700900123"}}`)); len(why) != 1 || why[0] != "number 07700 900123 in phone number" {
		t.Errorf("%q", why)
	}
}

// Digits are read as people say them, over interruptions.
func TestSpokenNumbers(t *testing.T) {
	turn := func(text string) speech.Turn { return speech.Turn{Text: text} }
	for text, want := range map[string]string{
		"oh double seven oh oh nine hundred one two three":    "0770090" + "0123",
		"zero treble seven, um, forty two":                    "077742",
		"it is 07700 900 and then one two three":              "07700900123",
		"twenty twenty one nineteen":                          "202119",
		"one of my":                                           "",
		"plus four four seven seven double oh":                "447700",
		"nought one six one four nine six nought one double8": "0161496" + "01",
	} {
		all := spokenNumbers([]speech.Turn{turn(text)})
		got := ""
		if len(all) > 0 {
			got = all[0].digits
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if all := spokenNumbers([]speech.Turn{turn("oh seven seven double oh"), turn("nine hundred one two three")}); len(all) != 1 || all[0].digits != "07700900123" {
		t.Errorf("over two turns: %v", all)
	}
	q := queryOf(t, Identifiers{Numbers: []string{"07700 900123"}, Emails: []string{"anna@example.com"}})
	why := q.spoken(speech.Transcript{Turns: []speech.Turn{{Start: 61, Text: "oh seven seven double oh nine hundred one two three", Speaker: speech.Customer}, {Start: 70, Channel: 1, Text: "anna at example dot com"}}})
	if len(why) != 2 {
		t.Errorf("%q", why)
	}
}

func FuzzSpoken(f *testing.F) {
	for _, s := range []string{"double", "treble oh oh", "07700 900123", "double double double", "ninety thousand hundred", "\xff one two three", "O'one"} {
		f.Add(s, s)
	}
	q := queryOf(f, Identifiers{Numbers: []string{"07700 900123"}, Names: []string{"Anna Smith"}, Emails: []string{"a@b.cd"}, Accounts: []string{"AB12345678"}})
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, n := range spokenNumbers([]speech.Turn{{Text: a}, {Text: b}}) {
			if digitsOf(n.digits) != n.digits || len(n.digits) > 4*(len(a)+len(b))+12 {
				t.Fatalf("%q", n.digits)
			}
		}
		q.In(a)
		q.inAll([]byte(b))
	})
}
