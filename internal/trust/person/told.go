package person

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// eventRow is an event as a certificate reads it: without who did it, and without
// what is sealed in it.
type eventRow struct {
	Pos     int64    `db:"pos"`
	ID      id.Event `db:"id"`
	At      int64    `db:"at"`
	Code    string   `db:"code"`
	Subject string   `db:"subject"`
	Facts   string   `db:"facts"`
}

const eventColumns = `SELECT pos, id, at, code, subject, facts FROM events WHERE `

// told gives what the change log has of a request until it was ended, in its order:
// what is about it, and what names it. What is no act in the list acting is left
// out.
func told(tx *place.Tx, i id.PersonRequest) ([]Act, error) {
	last, err := place.Row[int64](tx, `SELECT pos FROM events WHERE subject = ? AND code = 'request.ended' ORDER BY pos DESC`, i.String())
	if err != nil {
		return nil, err
	}
	all, err := place.Rows[eventRow](tx, eventColumns+`subject = ? AND pos <= ?`, i.String(), last)
	if err != nil {
		return nil, err
	}
	naming := func(code, text string) (rows []eventRow, err error) {
		rows, err = place.Rows[eventRow](tx, eventColumns+`code = ? AND pos <= ? AND facts LIKE ?`, code, last, "%"+text+"%")
		return slices.DeleteFunc(rows, func(r eventRow) bool { return !r.facts().names(text) }), err
	}
	about := func(code string, subjects ...string) ([]eventRow, error) {
		return place.Rows[eventRow](tx, eventColumns+`subject IN (?) AND code LIKE ? AND pos <= ?`, place.List(subjects), code, last)
	}
	add := func(rows []eventRow, failed error) {
		all = append(all, rows...)
		if err == nil {
			err = failed
		}
	}
	for _, e := range all { // each erasure has its run
		if run := e.facts().id("run"); e.Code == "request.erasure-ordered" && run != "" {
			add(naming("certificate.signed", run))
		}
	}
	add(naming("call.corrected", i.String()))
	replacing, failed := naming("pseudonym.run-asked", i.String())
	add(replacing, failed)
	for _, r := range replacing {
		add(about("pseudonym.run-ended", r.Subject))
	}
	packs, failed := place.Rows[string](tx, `SELECT subject FROM events WHERE code = 'export.asked' AND why = ? AND pos <= ?`, Purpose(i), last)
	if add(nil, failed); len(packs) > 0 {
		add(about("export.%", packs...))
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b eventRow) int { return int(a.Pos - b.Pos) })
	acts := []Act{}
	for _, e := range all {
		if say, known := acting[e.Code]; known {
			acts = append(acts, Act{At: instant(e.At), What: say(e.Subject, e.facts()), Code: e.Code, Position: e.Pos, Event: e.ID.String()})
		}
	}
	return acts, nil
}

// facts are those of an event. They are free of personal data, but what is printed
// is read all the same as what it has to be: a number, an id, an instant, a word of a
// list. What is none of these is not printed.
type facts map[string]string

func (e eventRow) facts() facts {
	f := facts{}
	if json.Unmarshal([]byte(e.Facts), &f) != nil {
		return facts{}
	}
	return f
}

// names reports whether a fact is just this text.
func (f facts) names(text string) bool {
	for _, v := range f {
		if v == text {
			return true
		}
	}
	return false
}

func (f facts) count(key, one string) string {
	n, err := strconv.ParseInt(f[key], 10, 64)
	switch {
	case err != nil:
		return "some " + one + "s"
	case n == 1:
		return "1 " + one
	}
	return text(n) + " " + one + "s"
}

func (f facts) id(key string) string {
	if i, err := id.Parse[id.Destruction](f[key]); err == nil {
		return i.String()
	}
	return ""
}

func (f facts) instant(key string) string {
	at, err := time.Parse(time.RFC3339, f[key])
	if err != nil {
		return ""
	}
	return at.UTC().Format(instantForm)
}

// among gives the words of a fact that stand in a list.
func (f facts) among(key string, known ...string) []string {
	return slices.DeleteFunc(strings.Fields(f[key]), func(w string) bool { return !slices.Contains(known, w) })
}

func (f facts) sum(key string) string {
	if len(f[key]) == 64 && strings.Trim(f[key], "0123456789abcdef") == "" {
		return f[key]
	}
	return ""
}

// join puts what is known between the words before it and a comma.
func join(words, before, known string) string {
	if known == "" {
		return words
	}
	return words + before + known
}

// acting are the acts that a certificate tells of, in words for people. An event of
// another code is not told.
var acting = map[string]func(subject string, f facts) string{
	"request.opened": func(_ string, f facts) string {
		return join("the request was opened", ", to be answered before ", f.instant("due"))
	},
	"request.searched":       func(_ string, f facts) string { return "all stores were searched: " + f.count("found", "find") },
	"request.searched-again": func(string, facts) string { return "another search was begun" },
	"request.too-wide":       func(string, facts) string { return "the search listed nothing: what was named fits nearly everybody" },
	"request.identified":     identified,
	"request.decided":        decided,
	"request.extended":       func(_ string, f facts) string { return join("the time was made longer", ", until ", f.instant("due")) },
	"request.restricted": func(_ string, f facts) string {
		return f.count("recordings", "recording") + " restricted: stored, and not used"
	},
	"request.unrestricted": func(_ string, f facts) string {
		return "the restriction was lifted: " + f.count("recordings", "recording")
	},
	"request.objected": objected,
	"request.erasure-ordered": func(_ string, f facts) string {
		return join("an erasure was confirmed: "+f.count("erase", "find")+" to erase, "+f.count("keep", "find")+" to keep", "; destruction ", f.id("run"))
	},
	"request.erased": func(_ string, f facts) string {
		return join("an erasure came to its end: in all "+f.count("erased", "find")+" erased, "+f.count("kept", "find")+" kept", "; destruction ", f.id("run"))
	},
	"certificate.signed": func(subject string, _ facts) string {
		if c, err := id.Parse[id.Certificate](subject); err == nil {
			return "a certificate of destruction was signed: " + c.String()
		}
		return "a certificate of destruction was signed"
	},
	"request.pack-asked": func(string, facts) string { return "a pack of what is the person's was ordered" },
	"export.ready": func(_ string, f facts) string {
		words := "a pack was put together"
		if sum := f.sum("manifest"); sum != "" {
			words += ": " + f.count("files", "file") + ", SHA-256 of its manifest " + sum
		}
		return words
	},
	"export.failed":  func(string, facts) string { return "a pack could not be put together" },
	"export.ended":   func(string, facts) string { return "a pack was destroyed: its time was over, or somebody removed it" },
	"call.corrected": corrected,
	"pseudonym.run-asked": func(_ string, f facts) string {
		return "names and numbers are to be replaced by pseudonyms in " + f.count("recordings", "recording")
	},
	"pseudonym.run-ended": func(_ string, f facts) string {
		if f["done"] == "" {
			return "the replacing by pseudonyms ended"
		}
		return "the replacing by pseudonyms ended: " + f.count("done", "recording") + " changed"
	},
	"request.ended": func(_ string, f facts) string {
		words := "the request was answered"
		if f["state"] == string(Refused) {
			words = "the request was refused"
		}
		if f["late"] == "yes" {
			words += ", late"
		}
		return words
	},
}

func identified(_ string, f facts) string {
	if f["checked"] == "no" {
		return "the note on how the identity was checked was taken back"
	}
	return "it was noted how the identity was checked"
}

func decided(_ string, f facts) string {
	words := f.count("finds", "find")
	switch Verdict(f["verdict"]) {
	case Confirmed:
		words += " confirmed as the person's"
	case Rejected:
		words += " rejected as somebody else's"
	case Undecided:
		words += " to be decided again"
	default:
		words += " decided"
	}
	if f["ground"] == "erase" {
		return words + ", to be erased although it would be kept"
	}
	return join(words, ", to be kept: ", Grounds[f["ground"]])
}

func objected(_ string, f facts) string {
	what := f.among("what", Processings...)
	if len(what) == 0 {
		return "the objection was taken back"
	}
	return "objected to " + strings.Join(what, ", ")
}

func corrected(_ string, f facts) string {
	if field := f.among("field", "name", "number"); len(field) == 1 {
		return "a card put right: a " + field[0]
	}
	return "a card put right"
}
