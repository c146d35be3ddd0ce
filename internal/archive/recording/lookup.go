package recording

import (
	"encoding/hex"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// lookup is what a batch needs to know of the place, read by a few statements
// for the whole batch, and kept true while the batch adds to it.
type lookup struct {
	next       int64 // row number
	idents     map[int][]byte
	tokens     map[int][][]byte
	paths      map[int][][]byte
	holders    map[string][]holder
	owners     map[int64]owner
	recordings map[string]*knownRecording
	calls      map[string]knownCall
	callTokens map[int][][]byte
}

// knownCall is a call that an ident stands for.
type knownCall struct {
	id      id.Call
	digest  []byte
	waiting bool // its row is still among those to write
}

func (s *Service) lookUp(tx *place.Tx, drafts []draft) (*lookup, error) {
	l := &lookup{
		idents: map[int][]byte{}, tokens: map[int][][]byte{}, paths: map[int][][]byte{}, callTokens: map[int][][]byte{},
		holders: map[string][]holder{}, owners: map[int64]owner{}, recordings: map[string]*knownRecording{}, calls: map[string]knownCall{},
	}
	var idents, contents, calls [][]byte
	for _, d := range drafts {
		if err := l.blind(tx, d); err != nil {
			return nil, err
		}
		idents = append(idents, l.idents[d.at])
		contents = append(contents, l.tokens[d.at]...)
		calls = append(calls, l.callTokens[d.at]...)
	}
	var err error
	// Rows of contents stay for ever, so a number is never used twice, also after its recording was destroyed.
	if l.next, err = place.Row[int64](tx, `SELECT coalesce(max(n), 0) + 1 FROM contents`); err != nil {
		return nil, err
	}
	if err := l.readContents(tx, contents); err != nil {
		return nil, err
	}
	if err := l.readOwners(tx, contents); err != nil {
		return nil, err
	}
	if err := l.readRecordings(tx, idents); err != nil {
		return nil, err
	}
	return l, l.readCalls(tx, calls)
}

// blind makes the blind indexes of one draft.
func (l *lookup) blind(tx *place.Tx, d draft) error {
	var err error
	if l.idents[d.at], err = identToken(tx, d.item.Source, d.item.Key); err != nil {
		return err
	}
	for _, p := range d.parts {
		token, err := contentToken(tx, p.sum)
		if err != nil {
			return err
		}
		path, err := pathToken(tx, d.item.Source, p.file.Path)
		if err != nil {
			return err
		}
		l.tokens[d.at] = append(l.tokens[d.at], token)
		l.paths[d.at] = append(l.paths[d.at], path)
	}
	l.callTokens[d.at], err = CallTokens(tx, d.item.Source, d.item.Call.Idents)
	return err
}

func contentToken(tx *place.Tx, sum [32]byte) ([]byte, error) {
	return tx.Blind(place.FieldContent, hex.EncodeToString(sum[:]))
}

// The source is part of what names a path, a recording or a call: two telephone
// systems may use the same names.
func pathToken(tx *place.Tx, source id.Source, path string) ([]byte, error) {
	return tx.Blind(place.FieldFile, source.String()+"|"+path)
}

func identToken(tx *place.Tx, source id.Source, key string) ([]byte, error) {
	return tx.Blind(place.FieldRecordingIdent, source.String()+"|"+key)
}

// CallTokens blinds a telephone system's own names of a call.
func CallTokens(tx *place.Tx, source id.Source, names []string) ([][]byte, error) {
	var all [][]byte
	for _, ident := range names {
		token, err := tx.Blind(place.FieldCallIdent, source.String()+"|"+ident)
		if err != nil {
			return nil, err
		}
		all = append(all, token)
	}
	return all, nil
}

// Tokens are how the recording of a call is found once it is archived: by the
// telephone system's names of the call, and by who took part in it.
func Tokens(tx *place.Tx, source id.Source, call Call) (names, parties [][]byte, err error) {
	if names, err = CallTokens(tx, source, call.Idents); err != nil {
		return nil, nil, err
	}
	country, err := countryOf(tx, source)
	if err != nil {
		return nil, nil, err
	}
	parties, err = partyTokens(tx, country, call.discreet())
	return names, parties, err
}

func (l *lookup) readContents(tx *place.Tx, tokens [][]byte) error {
	type row struct {
		Token  []byte `db:"token"`
		N      int64  `db:"n"`
		Erased *int64 `db:"erased_at"`
	}
	rows, err := place.Rows[row](tx, `SELECT token, n, erased_at FROM contents WHERE token IN (?)`, place.List(tokens))
	for _, r := range rows {
		h := holder{n: r.N}
		if r.Erased != nil {
			h.erased = *r.Erased
		}
		l.holders[string(r.Token)] = append(l.holders[string(r.Token)], h)
	}
	return err
}

func (l *lookup) readRecordings(tx *place.Tx, idents [][]byte) error {
	type row struct {
		Ident []byte       `db:"ident"`
		N     int64        `db:"n"`
		ID    id.Recording `db:"id"`
		Plain int64        `db:"plain"`
	}
	rows, err := place.Rows[row](tx, `SELECT ident, n, id,
		(SELECT coalesce(sum(plain), 0) FROM renditions WHERE renditions.n = recordings.n AND kind NOT IN ('transcript', 'outline', 'findings')) AS plain
		FROM recordings WHERE ident IN (?)`, place.List(idents))
	for _, r := range rows {
		l.recordings[string(r.Ident)] = &knownRecording{r.N, r.ID, r.Plain}
	}
	return err
}

func (l *lookup) readCalls(tx *place.Tx, tokens [][]byte) error {
	type row struct {
		Token  []byte  `db:"token"`
		ID     id.Call `db:"id"`
		Digest []byte  `db:"digest"`
	}
	rows, err := place.Rows[row](tx, `SELECT i.token, c.id, c.digest FROM call_idents i JOIN calls c ON c.id = i.call_id WHERE i.token IN (?)`, place.List(tokens))
	for _, r := range rows {
		l.calls[string(r.Token)] = knownCall{id: r.ID, digest: r.Digest}
	}
	return err
}

// known is what is known of one draft.
func (l *lookup) known(d draft) known {
	k := known{recording: l.recordings[string(l.idents[d.at])]}
	for _, t := range l.tokens[d.at] {
		k.contents = append(k.contents, l.holders[string(t)])
	}
	return k
}

// add makes what was taken known to the rest of the batch.
func (l *lookup) add(d draft, t taken) {
	for _, token := range l.tokens[d.at] {
		l.holders[string(token)] = append(l.holders[string(token)], holder{n: t.n})
	}
	l.recordings[string(l.idents[d.at])] = &knownRecording{t.n, t.id, d.bytes()}
}
