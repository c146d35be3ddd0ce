package recording

import (
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Calls that end in the same announcement, or in which nobody speaks, may be the
// same byte for byte. Whoever has the bytes of an archived recording is a copy of
// it unless something tells of another call.
const (
	renamed    = time.Minute    // by which a start of a file's own time may differ from the one in its later name
	sameStart  = time.Second    // for names that tell the start and the people of a call
	afterwards = 24 * time.Hour // more than a time zone that was set wrongly
)

// owner is what tells whether a recording is of the same call as a draft.
type owner struct {
	N       int64     `db:"n"`
	Source  id.Source `db:"source"`
	Call    id.Call   `db:"call_id"`
	Begun   int64     `db:"started_at"`
	Millis  int64     `db:"millis"`
	parties []string  // blinded, in order
	untimed bool      // its files' own times alone say when it began
}

// copies leaves out of those who hold a draft's bytes who is another call's.
func (c *commit) copies(d draft, contents [][]holder) ([][]holder, error) {
	if !slices.ContainsFunc(contents, func(hs []holder) bool { return len(hs) > 0 }) {
		return contents, nil
	}
	parties, err := c.partiesOf(d)
	if err != nil {
		return nil, err
	}
	gone, err := place.Row[int](c.tx, `SELECT count(*) FROM files WHERE source = ? AND path IN (?) AND state = 'erased'`, d.item.Source, place.List(c.seen.paths[d.at]))
	if err != nil {
		return nil, err
	}
	out := make([][]holder, len(contents))
	for i, hs := range contents {
		out[i] = slices.DeleteFunc(slices.Clone(hs), func(h holder) bool {
			if h.erased != 0 {
				return gone == 0 && d.after(c.begun(d), h.erased)
			}
			return c.another(d, parties, c.seen.owners[h.n])
		})
	}
	return out, nil
}

// another reports whether a draft is of another call than a recording with the
// same bytes: the telephone system has another name for it, or what the file is
// called, or what lies beside it, says another time. Of another source nothing is
// said: it may read the same files by another profile.
func (c *commit) another(d draft, parties []string, o owner) bool {
	own := c.seen.recordings[string(c.seen.idents[d.at])]
	if o.Source != d.item.Source || own != nil && own.n == o.N {
		return false
	}
	for _, t := range c.seen.callTokens[d.at] {
		if k, ok := c.seen.calls[string(t)]; ok && k.id == o.Call {
			return false
		}
	}
	if d.named() {
		return true
	}
	begun := c.begun(d)
	apart := time.Duration(max(begun-o.Begun, o.Begun-begun)) * time.Millisecond
	others := len(parties) > 0 && len(o.parties) > 0 && !slices.Equal(parties, o.parties)
	return !o.untimed && d.timed(begun) && (apart > renamed || apart > sameStart && others)
}

// named reports whether the telephone system itself has a name for the call:
// names of files are no names of calls.
func (d draft) named() bool {
	return slices.ContainsFunc(d.item.Call.Idents, func(i string) bool { return !strings.HasPrefix(i, "file:") })
}

// timed reports whether anything but its files' own times says when the sound began.
func (d draft) timed(begun int64) bool {
	longest := int64(0)
	for _, p := range d.parts {
		longest = max(longest, lengthOf(p))
	}
	return !slices.ContainsFunc(d.item.Files, func(f File) bool { return endsWith(begun+longest, millis(f.ModTime)) })
}

// endsWith reports whether sound ends when its file was written last: from that
// its start was reckoned, where nothing else tells it. Both were rounded.
func endsWith(end, modified int64) bool { return -2 <= end-modified && end-modified <= 2 }

// after reports whether a draft began, and was written, so long after bytes like
// its own were destroyed that it cannot be what was.
func (d draft) after(begun, erased int64) bool {
	from := erased + afterwards.Milliseconds()
	return d.timed(begun) && begun > from && !slices.ContainsFunc(d.item.Files, func(f File) bool { return millis(f.ModTime) <= from })
}

// partiesOf blinds who took part in a draft's call.
func (c *commit) partiesOf(d draft) ([]string, error) {
	country, known := c.countries[d.item.Source]
	if !known {
		var err error
		if country, err = countryOf(c.tx, d.item.Source); err != nil {
			return nil, err
		}
		c.countries[d.item.Source] = country
	}
	tokens, err := partyTokens(c.tx, country, d.item.Call.discreet())
	out := make([]string, len(tokens))
	for i, t := range tokens {
		out[i] = string(t)
	}
	slices.Sort(out)
	return out, err
}

// readOwners reads what is known of the recordings that hold the contents.
func (l *lookup) readOwners(tx *place.Tx, contents [][]byte) error {
	if len(l.holders) == 0 {
		return nil
	}
	const among = `(SELECT n FROM contents WHERE token IN (?) AND erased_at IS NULL)`
	rows, err := place.Rows[owner](tx, `SELECT n, source, call_id, started_at, millis FROM recordings WHERE n IN `+among, place.List(contents))
	if err != nil {
		return err
	}
	type party struct {
		N     int64  `db:"n"`
		Token []byte `db:"token"`
	}
	people, err := place.Rows[party](tx, `SELECT n, token FROM parties WHERE n IN `+among, place.List(contents))
	parties := map[int64][]string{}
	for _, p := range people {
		parties[p.N] = append(parties[p.N], string(p.Token))
	}
	if err != nil {
		return err
	}
	type file struct {
		N        int64 `db:"n"`
		Modified int64 `db:"modified_at"`
	}
	files, err := place.Rows[file](tx, `SELECT n, modified_at FROM files WHERE n IN `+among, place.List(contents))
	for _, o := range rows {
		o.parties = parties[o.N]
		slices.Sort(o.parties)
		o.untimed = slices.ContainsFunc(files, func(f file) bool { return f.N == o.N && endsWith(o.Begun+o.Millis, f.Modified) })
		l.owners[o.N] = o
	}
	return err
}
