package pseudonym

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"unicode"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/phone"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
	"ringfence/internal/trust/person"
)

// Kind is what a pseudonym stands for.
type Kind string

// The kinds.
const (
	Name   Kind = "name"
	Number Kind = "number"
)

// crockford leaves out the letters that are mistaken for digits.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// codeLength is in letters of five bits: of a million pseudonyms two are equal
// once in two thousand installations, and then another one is drawn.
const codeLength = 10

// draw makes a new code.
func draw() string {
	b := make([]byte, 7)
	rand.Read(b)
	return crockford.EncodeToString(b)[:codeLength]
}

// Text is a pseudonym as it stands in place of what it is for: no number that
// could be dialled, no name that anybody has.
func Text(k Kind, code string) string {
	half := codeLength / 2
	if k == Number {
		return "P-" + code[:half] + "-" + code[half:]
	}
	return "Person " + code[:half] + "-" + code[half:]
}

// Code reads a pseudonym as somebody typed or copied it.
func Code(text string) (string, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	text = strings.TrimPrefix(strings.TrimPrefix(text, "PERSON"), "P-")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == 'O':
			return '0'
		case r == 'I' || r == 'L':
			return '1'
		case r == '-' || unicode.IsSpace(r):
			return -1
		}
		return r
	}, text)
	if len(text) != codeLength || strings.Trim(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" {
		return "", fault.Field("pseudonym", "is none: one looks like Person K7QM2-VX4TD or P-4F7K2-QX9RM")
	}
	return text, nil
}

// value is a name or number in its one way of writing.
type value struct {
	kind Kind
	text string
}

// nameOf gives a name its one way of writing: no case, no accents, the given name first.
func nameOf(text string) (value, bool) {
	if last, first, ok := strings.Cut(text, ","); ok && strings.TrimSpace(first) != "" {
		text = first + " " + last
	}
	w := person.Words(text)
	letters := 0
	for _, r := range strings.Join(w, "") {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return value{Name, strings.Join(w, " ")}, letters >= 2 && !isOurs(text)
}

// numberOf gives a number its one way of writing. Extensions and short numbers
// are nobody's.
func numberOf(text, country string) (value, bool) {
	n := phone.Read(text, country)
	digits := 0
	for _, r := range n.Text {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	ok := n.Kind == phone.Public || n.Kind == phone.Other && digits > 6
	return value{Number, n.Text}, ok && !isOurs(text)
}

// isOurs reports whether a text is a pseudonym: that is not given another one.
func isOurs(text string) bool {
	rest, name := strings.CutPrefix(text, "Person ")
	number, ok := strings.CutPrefix(rest, "P-")
	if !name && !ok {
		return false
	}
	_, err := Code(number)
	return err == nil
}

// entry is a pseudonym for one value.
type entry struct {
	value
	mark    []byte
	written string // as it stood, for the way back
	id      id.Pseudonym
	code    string
	fresh   bool // the pseudonym is new
	unknown bool // the mark is new
	bare    bool // there is no way back yet
	key     keyring.Key
}

func (e *entry) String() string { return Text(e.kind, e.code) }

// book gives pseudonyms of one customer for as long as its receipt is good.
type book struct {
	s    *Service
	p    *place.Place
	name id.Key
	key  secret.Key
	ever map[value]*entry // that were looked up and stand in rows
}

// open opens the customer's pseudonym key, and makes it if there is none.
func (s *Service) open(ctx context.Context, p *place.Place, who actor.Actor) (*book, error) {
	k, err := s.markKey(ctx, p, who)
	if err != nil {
		return nil, err
	}
	r, err := p.Receipt(ctx, who, place.Opening{Subject: p.Customer().String(), Keys: []id.Key{k}, What: "pseudonymise"})
	if err != nil {
		return nil, err
	}
	key, err := s.o.Keys.Use(ctx, r, k)
	if err != nil {
		return nil, err
	}
	return &book{s: s, p: p, name: k, key: key, ever: map[value]*entry{}}, nil
}

func (s *Service) markKey(ctx context.Context, p *place.Place, who actor.Actor) (k id.Key, err error) {
	read := func(tx *place.Tx) (err error) {
		k, err = place.Row[id.Key](tx, `SELECT key FROM pseudonym_keys`)
		return err
	}
	if err = p.View(ctx, read); !fault.Is(err, fault.NotFound) {
		return k, err
	}
	keys, err := s.o.Keys.Reserve(ctx, p.Customer(), 1)
	if err != nil {
		return k, err
	}
	s.o.Step("pseudonym: key")
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if _, err := tx.Exec(`INSERT INTO pseudonym_keys (one, key, made_at) VALUES (1, ?, ?) ON CONFLICT (one) DO NOTHING`, keys[0].Content.ID, tx.At().UnixMilli()); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "pseudonym.key-made", Subject: p.Customer().String()})
		return read(tx)
	})
	return k, err
}

// mark is what leads to the pseudonym of a value, for whoever has the key.
func (b *book) mark(v value) []byte {
	h := hmac.New(sha256.New, b.key.Reveal())
	h.Write([]byte("ringfence pseudonym v1\x00" + string(v.kind) + "\x00" + v.text))
	return h.Sum(nil)
}

// wanted are values that one pseudonym stands for: a number, or all the ways in
// which one person's name is written.
type wanted struct {
	values  []value
	written []string // beside values: as they stood
}

// find looks pseudonyms up and draws those that there are not. Nothing is
// written: put does that, in the Change that replaces what they stand for. Where
// the ways of writing a name have pseudonyms already, each keeps its own.
func (b *book) find(ctx context.Context, all []wanted, back bool) (map[value]*entry, error) {
	out := map[value]*entry{}
	err := b.p.View(ctx, func(tx *place.Tx) error {
		for _, w := range all {
			if err := b.group(tx, w, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || !back {
		return out, err
	}
	var bare []*entry
	for _, e := range out {
		if e.bare {
			bare = append(bare, e)
		}
	}
	if len(bare) == 0 {
		return out, nil
	}
	keys, err := b.s.o.Keys.Reserve(ctx, b.p.Customer(), (len(bare)+1)/2)
	for i, e := range bare {
		if err == nil { // both keys of a pair are keys like any other
			e.key = keys[i/2].Content
			if i%2 == 1 {
				e.key = keys[i/2].Card
			}
		}
	}
	return out, err
}

func (b *book) group(tx *place.Tx, w wanted, out map[value]*entry) error {
	type row struct {
		ID   id.Pseudonym `db:"id"`
		Code string       `db:"code"`
		Key  id.Key       `db:"key"`
	}
	var all []*entry
	var first *entry
	for i, v := range w.values {
		if e := out[v]; e != nil {
			all = append(all, e)
			continue
		}
		if e := b.ever[v]; e != nil && !e.bare {
			out[v] = e
			all = append(all, e)
			continue
		}
		e := &entry{value: v, mark: b.mark(v), written: w.written[i]}
		r, err := place.Row[row](tx, `SELECT p.id, p.code, m.key FROM pseudonym_marks m JOIN pseudonyms p ON p.id = m.pseudonym WHERE m.mark = ?`, e.mark)
		switch {
		case fault.Is(err, fault.NotFound):
			e.unknown, e.bare = true, true
		case err != nil:
			return err
		default:
			e.id, e.code, e.bare = r.ID, r.Code, r.Key.IsZero()
		}
		out[v] = e
		all = append(all, e)
	}
	for _, e := range all {
		if !e.id.IsZero() && (first == nil || first.id.IsZero()) {
			first = e
		}
	}
	for _, e := range all {
		if !e.id.IsZero() {
			continue
		}
		if first == nil {
			e.id, e.code, e.fresh = id.At[id.Pseudonym](tx.At()), draw(), true
			first = e
			continue
		}
		e.id, e.code = first.id, first.code
	}
	return nil
}

// put writes what is new among entries, in the Change that replaces what they
// stand for. A pseudonym that somebody else has drawn meanwhile is
// fault.Conflict: the whole is done again.
func (b *book) put(tx *place.Tx, all map[value]*entry, request id.PersonRequest) error {
	now, err := place.Row[id.Key](tx, `SELECT key FROM pseudonym_keys`)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if now != b.name {
		return fault.New(fault.Conflict, "the pseudonym key was destroyed meanwhile: try again")
	}
	list := make([]*entry, 0, len(all))
	for _, e := range all {
		list = append(list, e)
	}
	slices.SortFunc(list, func(x, y *entry) int { return number(y.fresh) - number(x.fresh) })
	for _, e := range list {
		if e.fresh {
			n, err := tx.Exec(`INSERT INTO pseudonyms (id, code, kind, made_at, ended_at) VALUES (?, ?, ?, ?, 0) ON CONFLICT (code) DO NOTHING`,
				e.id, e.code, string(e.kind), tx.At().UnixMilli())
			if err == nil && n == 0 {
				err = errMoved
			}
			if err != nil {
				return err
			}
		}
		if err := b.lead(tx, e); err != nil {
			return err
		}
		if !request.IsZero() {
			if _, err := tx.Exec(`INSERT INTO pseudonym_requests (pseudonym, request) VALUES (?, ?) ON CONFLICT (pseudonym, request) DO NOTHING`, e.id, request); err != nil {
				return err
			}
		}
	}
	tx.After(func() {
		for v, e := range all {
			b.ever[v] = &entry{value: v, mark: e.mark, written: e.written, id: e.id, code: e.code, bare: e.bare && e.key.ID.IsZero()}
		}
	})
	return nil
}

var errMoved = fault.New(fault.Conflict, "a pseudonym was given by somebody else at the same time: try again")

// lead writes the way to a pseudonym and, with a key, the way back.
func (b *book) lead(tx *place.Tx, e *entry) error {
	var closed []byte
	if !e.key.ID.IsZero() {
		closed = sealed.Field(e.key.Key, backAAD(b.p.Customer(), e.mark), []byte(e.written))
	}
	switch {
	case e.unknown:
		n, err := tx.Exec(`INSERT INTO pseudonym_marks (mark, pseudonym, key, sealed) VALUES (?, ?, ?, ?) ON CONFLICT (mark) DO NOTHING`,
			e.mark, e.id, e.key.ID, orEmpty(closed))
		if err == nil && n == 0 {
			err = errMoved
		}
		return err
	case e.bare && closed != nil:
		n, err := tx.Exec(`UPDATE pseudonym_marks SET key = ?, sealed = ? WHERE mark = ? AND key IS NULL`, e.key.ID, closed, e.mark)
		if err == nil && n == 0 {
			err = errMoved
		}
		return err
	}
	return nil
}

func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// backAAD binds an original to its customer and mark: a copy under another mark
// does not open.
func backAAD(c id.Customer, mark []byte) []byte {
	return slices.Concat([]byte("ringfence pseudonym back v1\x00"), c[:], mark)
}
