package recording

import (
	"bytes"
	"encoding/json"
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/phone"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// call finds or makes the call of a draft, joins calls that turn out to be one,
// and notes those whose earlier recordings know less of it than this one does.
func (c *commit) call(d draft) (id.Call, error) {
	call := d.item.Call
	digest, err := callDigest(c.tx, call)
	if err != nil {
		return id.Call{}, err
	}
	var found []knownCall
	for _, t := range c.seen.callTokens[d.at] {
		if k, ok := c.seen.calls[string(t)]; ok && !slices.ContainsFunc(found, func(f knownCall) bool { return f.id == k.id }) {
			found = append(found, k)
		}
	}
	begun, end := c.begun(d), c.begun(d)+d.length()
	if !call.StartedAt.IsZero() {
		begun = millis(call.StartedAt)
	}
	if !call.EndedAt.IsZero() {
		end = millis(call.EndedAt)
	}
	values := []any{begun, optional(call.AnsweredAt), end, string(call.Direction), call.Queue, string(call.Disposition), digest}
	if len(found) == 0 {
		k := knownCall{id.New[id.Call](), digest, true}
		c.rows.calls.add(append([]any{k.id, d.item.Source}, values...)...)
		return k.id, c.remember(d, k)
	}
	slices.SortFunc(found, func(a, b knownCall) int { return bytes.Compare(a.id[:], b.id[:]) })
	kept := found[0]
	if len(found) > 1 || !bytes.Equal(kept.digest, digest) {
		if err := c.rejoin(kept, found[1:], values); err != nil {
			return id.Call{}, err
		}
		c.joined = append(c.joined, joinedCall{kept.id, d.item.Source, call})
	}
	kept.digest, kept.waiting = digest, false
	return kept.id, c.remember(d, kept)
}

// remember lets the idents of a draft stand for a call.
func (c *commit) remember(d draft, k knownCall) error {
	for _, t := range c.seen.callTokens[d.at] {
		if old, ok := c.seen.calls[string(t)]; !ok || old.id != k.id {
			c.rows.idents.add(t, k.id)
		}
		c.seen.calls[string(t)] = k
	}
	return nil
}

// rejoin writes what is now known of a call and moves the recordings of others
// that turned out to be part of it.
func (c *commit) rejoin(kept knownCall, others []knownCall, values []any) error {
	for _, b := range []*bulk{&c.rows.calls, &c.rows.idents, &c.rows.recordings} {
		if err := b.flush(c.tx); err != nil {
			return err
		}
	}
	for _, o := range others {
		for token, k := range c.seen.calls {
			if k.id == o.id {
				c.seen.calls[token] = kept
			}
		}
		for n, own := range c.seen.owners {
			if own.Call == o.id {
				own.Call = kept.id
				c.seen.owners[n] = own
			}
		}
	}
	return updateCall(c.tx, kept.id, others, values)
}

// updateCall brings a call up to date; values are its columns from started_at on.
func updateCall(tx *place.Tx, kept id.Call, others []knownCall, values []any) error {
	for _, o := range others {
		for _, text := range []string{
			`UPDATE recordings SET call_id = ? WHERE call_id = ?`,
			`UPDATE call_idents SET call_id = ? WHERE call_id = ?`,
		} {
			if _, err := tx.Exec(text, kept, o.id); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`DELETE FROM calls WHERE id = ?`, o.id); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`UPDATE calls SET started_at = ?, answered_at = ?, ended_at = ?, direction = ?, queue = ?, disposition = ?, digest = ? WHERE id = ?`,
		append(values, kept)...); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE recordings SET direction = ?, queue = ?, disposition = ? WHERE call_id = ?`, values[3], values[4], values[5], kept)
	return err
}

// callDigest tells whether two views of a call are the same, without saying
// anything of it.
func callDigest(tx *place.Tx, call Call) ([]byte, error) {
	text, err := json.Marshal(call)
	if err != nil {
		return nil, err
	}
	return tx.Blind(place.FieldCallDigest, string(text))
}

// card seals what is personal in a recording.
func (c *commit) card(t taken) ([]byte, error) {
	card := Card{File: t.item.Files[0].shown(), Call: t.item.Call.discreet(), Sums: map[string]Plain{}}
	for _, p := range t.parts {
		card.Sums[p.rendition.String()] = Plain{File: p.file.shown(), SHA256: hexOf(p.sum)}
	}
	text, err := json.Marshal(card)
	if err != nil {
		return nil, err
	}
	return sealed.Field(t.keys.Card.Key, cardAAD(c.tx.Place().Customer(), t.id), text), nil
}

// discreet is the call without a number that its caller asked not to show.
func (call Call) discreet() Call {
	if call.Caller.Withheld {
		call.Caller = Party{Withheld: true}
	}
	return call
}

// parties makes numbers and extensions findable.
func (c *commit) parties(t taken) error {
	tokens, err := c.partiesOf(t.draft)
	for _, token := range tokens {
		c.rows.parties.add([]byte(token), t.begun, t.n)
	}
	c.seen.owners[t.n] = owner{t.n, t.item.Source, t.call, t.begun, t.length(), tokens, !t.timed(t.begun)}
	return err
}

// countryOf is the country whose national numbers a source writes.
func countryOf(tx *place.Tx, source id.Source) (string, error) {
	country, err := place.Row[string](tx, `SELECT country FROM sources WHERE id = ?`, source)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return country, err
}

// partyTokens blinds who took part. A number is blinded as E.164 where it can
// be read so: equal numbers must be equal texts, or one of them is never found.
// The card keeps what the telephone system wrote.
func partyTokens(tx *place.Tx, country string, call Call) ([][]byte, error) {
	var tokens [][]byte
	seen := map[string]bool{}
	put := func(f place.Field, value string) error {
		if value == "" {
			return nil
		}
		token, err := tx.Blind(f, value)
		if err == nil && !seen[string(token)] {
			seen[string(token)] = true
			tokens = append(tokens, token)
		}
		return err
	}
	numbers, extensions := []string{call.Caller.Number, call.Dialled}, []string{}
	for _, l := range call.Legs {
		numbers = append(numbers, l.Number)
		extensions = append(extensions, l.Extension)
	}
	for _, a := range call.Agents {
		extensions = append(extensions, a.Extension)
	}
	for _, n := range numbers {
		if err := put(place.FieldNumber, phone.Read(n, country).Text); err != nil {
			return nil, err
		}
	}
	for _, x := range extensions {
		if err := put(place.FieldExtension, x); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}
