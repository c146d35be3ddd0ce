package person

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/phone"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/place"
)

// recordingsStore is the store of recordings: cards, sound, transcripts, words.
func (s *Service) recordingsStore() Store {
	return Store{
		Name: storeRecordings, Title: "Recordings and transcripts",
		Tables: []string{"recordings", "calls", "call_idents", "parties", "renditions", "contents", "spoken_words", "recording_restrictions"},
		Find:   s.findRecordings, Keep: s.keepRecording, Erase: s.eraseRecording,
	}
}

const storeRecordings = "recordings"

// mostTranscripts is how many transcripts one search opens at most: each leaves a receipt.
const mostTranscripts = 2000

// forms is what a number that somebody types may have been read as.
func forms(ctx context.Context, p *place.Place) func(string) ([]string, error) {
	return func(n string) (all []string, err error) {
		err = p.View(ctx, func(tx *place.Tx) error {
			all, err = formsIn(tx, n)
			return err
		})
		return all, err
	}
}

// formsIn reads a number in the country of each source, as the archive blinds it.
func formsIn(tx *place.Tx, n string) ([]string, error) {
	countries, err := place.Rows[string](tx, `SELECT DISTINCT country FROM sources`)
	if err != nil {
		return nil, err
	}
	all := []string{n}
	for _, c := range append(countries, "") {
		if form := phone.Read(n, c).Text; form != "" && !slices.Contains(all, form) {
			all = append(all, form)
		}
	}
	return all, nil
}

// tooWide is fault.Conflict for identifiers that fit so many recordings that
// they are no person's.
func (s *Service) tooWide(ctx context.Context, p *place.Place, q *Query) error {
	return p.View(ctx, func(tx *place.Tx) error {
		total, err := place.Row[int64](tx, `SELECT count(*) FROM recordings`)
		if err != nil {
			return err
		}
		var worst []string
		check := func(what, given string, n int64) {
			if n > s.o.Few && n*100 > total*int64(s.o.Widest) {
				worst = append(worst, fmt.Sprintf("%s %s is in %d of %d recordings", what, given, n, total))
			}
		}
		for _, n := range q.numbers {
			hits, err := inParties(tx, place.FieldNumber, n.forms)
			if err != nil {
				return err
			}
			check("the number", n.given, hits)
		}
		for i, n := range q.names {
			hits, err := said(tx, strings.Join(n, " "))
			if err != nil {
				return err
			}
			check("the name", q.Names[i], hits)
		}
		for i, a := range q.accounts {
			hits, err := said(tx, a)
			if err != nil {
				return err
			}
			check("the account", q.Accounts[i], hits)
		}
		if len(worst) == 0 {
			return nil
		}
		return fault.New(fault.Conflict, "this fits nearly everybody and is no single person's: %s. Use what is theirs alone; a number of your own organisation is in every call.", strings.Join(worst, "; "))
	})
}

func inParties(tx *place.Tx, f place.Field, forms []string) (int64, error) {
	var tokens [][]byte
	for _, form := range forms {
		t, err := tx.Blind(f, form)
		if err != nil {
			return 0, err
		}
		tokens = append(tokens, t)
	}
	return place.Row[int64](tx, `SELECT count(DISTINCT n) FROM parties WHERE token IN (?)`, place.List(tokens))
}

// said counts the recordings that a query of the index finds; one without a word
// that the index keeps finds none.
func said(tx *place.Tx, query string) (int64, error) {
	f, err := search.Find(tx, query, "r.n")
	if fault.Is(err, fault.Invalid) {
		return 0, nil
	}
	return int64(f.Matches), err
}

// findRecordings looks at every card, and at the transcripts in which the index
// finds the words.
func (s *Service) findRecordings(ctx context.Context, p *place.Place, who actor.Actor, q *Query) ([]Hit, error) {
	found := map[id.Recording]*Hit{}
	cursor := ""
	for {
		page, err := s.o.Recordings.List(ctx, p, who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{Cursor: cursor, Limit: 200, Sort: recording.Oldest})
		if err != nil {
			return nil, err
		}
		for _, r := range page.Items {
			if why, role := q.onCard(r); len(why) > 0 {
				found[r.ID] = &Hit{Ref: r.ID.String(), At: r.StartedAt, Label: labelOf(r), Why: why, Role: role}
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if err := s.findSpoken(ctx, p, who, q, found); err != nil {
		return nil, err
	}
	out := make([]Hit, 0, len(found))
	for _, h := range found {
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b Hit) int { return strings.Compare(a.Ref, b.Ref) })
	return out, nil
}

func labelOf(r recording.Recording) string {
	c := r.Card.Call
	from, to := c.Caller.Number, c.Dialled
	if from == "" {
		from = "withheld"
	}
	if c.Caller.Name != "" {
		from = c.Caller.Name + " " + from
	}
	if to == "" && len(c.Agents) > 0 {
		to = c.Agents[0].Extension
	}
	return from + " → " + to
}

// onCard says what of a recording's card is the person's, and which side of the
// call they are: calling, called or agent.
func (q *Query) onCard(r recording.Recording) (why []string, role string) {
	c := r.Card.Call
	note := func(at string, found []string, as string) {
		for _, f := range found {
			if f += " as " + at; !slices.Contains(why, f) {
				why = append(why, f)
			}
		}
		if len(found) > 0 && role == "" {
			role = as
		}
	}
	note("the caller's number", q.number(c.Caller.Number), "calling")
	note("the caller's name", q.In(c.Caller.Name), "calling")
	note("the number dialled", q.number(c.Dialled), "called")
	for _, a := range c.Agents {
		note("an agent's name", q.In(a.Name), "agent")
		note("an agent's extension", q.extension(a.Extension), "agent")
	}
	for _, l := range c.Legs {
		as := map[bool]string{true: "calling", false: "called"}[l.Role == "caller"]
		note("a party's number", q.number(l.Number), as)
		note("a party", q.In(l.Party), as)
		note("a party's extension", q.extension(l.Extension), "agent")
	}
	for _, e := range c.Events {
		note("an event of the call", slices.Concat(q.In(e.By), q.In(e.To), q.In(e.Detail)), "")
	}
	note("the file's name", q.In(r.Card.File), "")
	return why, role
}

// number compares as the archive does, and as text besides.
func (q *Query) number(text string) []string {
	if text == "" {
		return nil
	}
	var why []string
	for _, n := range q.numbers {
		if slices.Contains(n.forms, text) || slices.Contains(n.digits, digitsOf(text)) {
			why = append(why, "number "+n.given)
		}
	}
	return why
}

func (q *Query) extension(text string) []string {
	if slices.Contains(q.Extensions, text) && text != "" {
		return []string{"extension " + text}
	}
	return nil
}

// findSpoken opens the transcripts that may name the person.
func (s *Service) findSpoken(ctx context.Context, p *place.Place, who actor.Actor, q *Query, found map[id.Recording]*Hit) error {
	type candidate struct {
		ID      id.Recording `db:"id"`
		Started int64        `db:"started_at"`
	}
	var list []candidate
	seen := map[id.Recording]bool{}
	for _, query := range q.searches() {
		err := p.View(ctx, func(tx *place.Tx) error {
			f, err := search.Find(tx, query, "r.n")
			if fault.Is(err, fault.Invalid) {
				return nil
			}
			if err != nil {
				return err
			}
			if f.More || f.Matches > mostTranscripts {
				q.note("the spoken words of one identifier are in more than %d recordings; the newest %d of them were read", mostTranscripts, mostTranscripts)
			}
			rows, err := place.Rows[candidate](tx, `SELECT r.id, r.started_at FROM recordings r WHERE `+f.Condition+` ORDER BY r.n DESC LIMIT ?`, append(f.Args, mostTranscripts)...)
			for _, r := range rows {
				if !seen[r.ID] {
					seen[r.ID] = true
					list = append(list, r)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, c := range list {
		t, err := s.transcript(ctx, p, who, c.ID)
		if fault.Is(err, fault.Gone) || fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		why := q.spoken(t)
		if len(why) == 0 {
			continue
		}
		h := found[c.ID]
		if h == nil {
			h = &Hit{Ref: c.ID.String(), At: instant(c.Started), Label: "spoken of in another's call", Role: "spoken of"}
			found[c.ID] = h
		}
		h.Why = append(h.Why, why...)
	}
	return nil
}

// transcript reads what was said in a recording, as an opening of the system.
func (s *Service) transcript(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording) (t speech.Transcript, err error) {
	o, err := s.o.Recordings.Open(ctx, p, who, rec, recording.Ask{What: "transcript"})
	if err != nil {
		return t, err
	}
	defer o.Close()
	text, err := o.Transcript(ctx)
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(text, &t)
}

// keepRecording says why a recording stays: it is under a hold, or a law wants it
// kept for longer.
func (s *Service) keepRecording(ctx context.Context, p *place.Place, ref string) (why string, err error) {
	rec, err := id.Parse[id.Recording](ref)
	if err != nil {
		return "", err
	}
	var row recording.Row
	err = p.View(ctx, func(tx *place.Tx) error {
		row, err = s.o.Recordings.Lookup(tx, rec)
		if fault.Is(err, fault.Gone) {
			return nil
		}
		if err != nil {
			return err
		}
		held, err := s.o.Recordings.HoldsOf(tx, []int64{row.N})
		if len(held[row.N]) > 0 {
			why = "it is under a legal hold; article 17(3)(e)"
		}
		return err
	})
	if err != nil || why != "" || row.N == 0 || s.o.Minimum == nil {
		return why, err
	}
	return s.o.Minimum(ctx, p, row)
}

func (s *Service) eraseRecording(ctx context.Context, p *place.Place, who actor.Actor, ref string, by By) error {
	rec, err := id.Parse[id.Recording](ref)
	if err != nil {
		return err
	}
	err = s.o.Recordings.DestroyAll(ctx, p, who, []id.Recording{rec}, "erased at the request of a person: "+by.Case.String(),
		recording.Authority{Kind: "erasure", Request: by.Case.String(), Run: by.Run})
	if fault.Is(err, fault.Gone) {
		return nil
	}
	return err
}
