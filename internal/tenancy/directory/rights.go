package directory

import (
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// Own is when which extensions were a person's.
func Own(tx *place.Tx, p id.Person) ([]access.Span, error) {
	list, err := read(tx, `person = ?`, p)
	return spans(list), err
}

// OfTeams is when which extensions were those teams'.
func OfTeams(tx *place.Tx, teams []string) ([]access.Span, error) {
	var tokens [][]byte
	for _, t := range teams {
		b, err := Assignment{Team: strings.TrimSpace(t)}.blind(tx)
		if err != nil {
			return nil, err
		}
		if b.team != nil {
			tokens = append(tokens, b.team)
		}
	}
	if len(tokens) == 0 {
		return nil, nil
	}
	list, err := read(tx, `team IN (?)`, place.List(tokens))
	return spans(list), err
}

func spans(list []Assignment) (all []access.Span) {
	for _, a := range list {
		all = append(all, access.Span{Extension: a.Extension, From: a.From, To: a.To})
	}
	return all
}

// Current gives the extensions that are people's now; of one of them, or of all
// for the zero person.
func Current(tx *place.Tx, p id.Person) (map[id.Person][]string, error) {
	condition, args := `person IS NOT NULL AND from_at <= ? AND to_at > ?`, []any{tx.At().UnixMilli(), tx.At().UnixMilli()}
	if !p.IsZero() {
		condition, args = condition+` AND person = ?`, append(args, p)
	}
	list, err := read(tx, condition, args...)
	out := map[id.Person][]string{}
	for _, a := range list {
		if !slices.Contains(out[a.Person], a.Extension) {
			out[a.Person] = append(out[a.Person], a.Extension)
		}
	}
	return out, err
}

// Bind makes assignments to an address those of the member who has it.
func Bind(tx *place.Tx, p id.Person, email string) error {
	b, err := Assignment{Email: email}.blind(tx)
	if err != nil || b.email == nil {
		return err
	}
	_, err = tx.Exec(`UPDATE directory SET person = ? WHERE person IS NULL AND email = ?`, p, b.email)
	return err
}

// Release ends what is a person's now, as when they leave. The calls until then
// stay theirs, should they come back.
func Release(tx *place.Tx, p id.Person) error {
	mine, err := read(tx, `person = ?`, p)
	for _, a := range mine {
		if err == nil && a.Current(tx.At()) {
			a.To = tx.At()
			err = end(tx, a)
		}
	}
	return err
}

// Had stores that an extension was somebody's until now.
func Had(tx *place.Tx, a Assignment) error {
	a.To = tx.At()
	_, err := insert(tx, a)
	return err
}

// keepOnly takes away what is a person's now but for these extensions, and the
// earlier calls with it. The row stays as a past holder's, who nobody is: the
// next one's time begins where it ends.
func keepOnly(tx *place.Tx, p id.Person, keep []string) error {
	mine, err := read(tx, `person = ?`, p)
	for _, a := range mine {
		if err != nil {
			return err
		}
		if !a.Current(tx.At()) || slices.Contains(keep, a.Extension) {
			continue
		}
		a.To = tx.At()
		if err = end(tx, a); err == nil {
			_, err = tx.Exec(`UPDATE directory SET person = NULL, email = NULL WHERE id = ?`, a.ID)
		}
	}
	return err
}

// Set makes these extensions a member's, and takes away what else is theirs now,
// with its calls: to leave them the calls until today, end the assignment. A new one begins where it was last somebody else's: the calls of
// who had it before stay out of reach, and an extension that was nobody's brings
// its earlier calls along, which nobody else can claim. To say another day, add
// the assignment itself. What is somebody else's is fault.Invalid.
func (s *Service) Set(tx *place.Tx, p id.Person, name, email string, extensions []string) error {
	if err := s.adopt(tx); err != nil {
		return err
	}
	for i, x := range extensions {
		extensions[i] = Extension(x, "")
	}
	if err := keepOnly(tx, p, extensions); err != nil {
		return err
	}
	var taken []fault.Detail
	for _, x := range extensions {
		a := Assignment{Extension: x, Person: p, Name: name, Email: email}
		b, err := a.blind(tx)
		if err != nil {
			return err
		}
		all, err := read(tx, `extension = ?`, b.extension)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(o Assignment) bool { return o.Person == p && o.Current(tx.At()) }) {
			continue
		}
		if a.From, err = vacant(all, tx.At()); err != nil {
			taken = append(taken, fault.Detail{Path: "extensions", Text: err.Error()})
			continue
		}
		if _, err := insert(tx, a); err != nil {
			return err
		}
		tx.Notify("directory")
	}
	if len(taken) > 0 {
		return &fault.Error{Kind: fault.Invalid, Text: "the request is not valid", Details: taken}
	}
	return nil
}

// vacant is since when an extension is nobody's; an error where it is somebody's
// now or will be.
func vacant(all []Assignment, at time.Time) (since time.Time, err error) {
	for _, o := range all {
		if o.To.IsZero() || at.Before(o.To) {
			return since, fault.New(fault.Invalid, "%s; end that first", clash(o))
		}
		if o.To.After(since) {
			since = o.To
		}
	}
	return since, nil
}
