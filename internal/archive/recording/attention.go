package recording

import (
	"context"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Attention is a source file that could not be taken in, why, and what to do.
type Attention struct {
	File    id.File
	Source  id.Source
	Path    string
	Reason  string
	Todo    string
	Since   time.Time
	Size    int64
	ModTime time.Time // zero for what is no file, such as a line of a log
}

// Report is a file that needs attention.
type Report struct {
	Source  id.Source
	Path    string
	Size    int64
	ModTime time.Time
	Reason  string // holds nothing personal
	Todo    string
}

// Report lists files that need attention. Reporting the same again writes
// nothing.
func (s *Service) Report(ctx context.Context, p *place.Place, who actor.Actor, reports ...Report) error {
	var fresh []Report
	tokens := map[string][]byte{}
	err := p.View(ctx, func(tx *place.Tx) error {
		for _, r := range reports {
			token, err := pathToken(tx, r.Source, r.Path)
			if err != nil {
				return err
			}
			n, err := place.Row[int](tx, `SELECT count(*) FROM files WHERE source = ? AND path = ? AND
				(state <> 'attention' OR reason = ? AND todo = ? AND size = ?)`, r.Source, token, r.Reason, r.Todo, r.Size)
			if err != nil {
				return err
			}
			if n == 0 {
				fresh = append(fresh, r)
				tokens[r.Source.String()+r.Path] = token
			}
		}
		return nil
	})
	if err != nil || len(fresh) == 0 {
		return err
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		for _, r := range fresh {
			if err := report(tx, r, tokens[r.Source.String()+r.Path]); err != nil {
				return err
			}
		}
		tx.Notify("attention")
		return nil
	})
}

func report(tx *place.Tx, r Report, token []byte) error {
	file := id.New[id.File]()
	if old, err := place.Row[id.File](tx, `SELECT id FROM files WHERE source = ? AND path = ?`, r.Source, token); err == nil {
		file = old
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	sealed, err := tx.Seal(place.FieldFile, file, []byte(r.Path))
	if err != nil {
		return err
	}
	tx.Record(place.Event{Code: "file.needs-attention", Subject: file.String(), Facts: map[string]string{"source": r.Source.String(), "reason": r.Reason}})
	_, err = tx.Exec(`INSERT INTO files (id, source, path, size, modified_at, state, reason, todo, since, sealed)
		VALUES (?, ?, ?, ?, ?, 'attention', ?, ?, ?, ?)
		ON CONFLICT (source, path) DO UPDATE SET size = excluded.size, modified_at = excluded.modified_at, state = excluded.state,
			reason = excluded.reason, todo = excluded.todo, sealed = excluded.sealed`,
		file, r.Source, token, r.Size, millis(r.ModTime), r.Reason, r.Todo, millis(tx.At()), sealed)
	return err
}

// AttentionPage is one page of what needs attention.
type AttentionPage struct {
	Items []Attention
	Next  string // cursor of the next page; "" on the last
	Total int64  // on all pages
}

// attentionOrder marks the cursors of the list: latest first.
const attentionOrder Sort = "-since"

// ListAttention gives one page of what needs attention, the latest first. Of ask,
// cursor and limit count.
func (s *Service) ListAttention(ctx context.Context, p *place.Place, ask PageAsk) (page AttentionPage, err error) {
	ask.Sort = ""
	if ask, err = ask.check(); err != nil {
		return page, err
	}
	from, err := readCursor(ask.Cursor, attentionOrder)
	if err != nil {
		return page, err
	}
	where, args := "", []any{}
	if from != nil {
		last, err := id.Parse[id.File](from.after)
		if err != nil {
			return page, errCursor
		}
		where, args = ` AND since <= ? AND (since < ? OR id < ?)`, []any{from.key, from.key, last}
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		if page.Items, err = attention(tx, where+` ORDER BY since DESC, id DESC LIMIT ?`, append(args, ask.Limit+1)...); err != nil {
			return err
		}
		page.Total, err = place.Row[int64](tx, `SELECT count(*) FROM files WHERE state = 'attention'`)
		return err
	})
	if len(page.Items) > ask.Limit {
		page.Items = page.Items[:ask.Limit]
		last := page.Items[ask.Limit-1]
		page.Next = cursor{sort: attentionOrder, key: millis(last.Since), after: last.File.String()}.String()
	}
	return page, err
}

// Attention gives all of some sources that needs attention, or of all sources if
// none is named, the latest first.
func (s *Service) Attention(ctx context.Context, p *place.Place, sources ...id.Source) (all []Attention, err error) {
	where, args := "", []any{}
	if len(sources) > 0 {
		where, args = ` AND source IN (?)`, []any{place.List(sources)}
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err = attention(tx, where+` ORDER BY since DESC, id DESC`, args...)
		return err
	})
	return all, err
}

// attention reads what needs attention; where begins with AND or ORDER BY.
func attention(tx *place.Tx, where string, args ...any) ([]Attention, error) {
	type row struct {
		ID     id.File   `db:"id"`
		Source id.Source `db:"source"`
		Reason string    `db:"reason"`
		Todo   string    `db:"todo"`
		Since  int64     `db:"since"`
		Size   int64     `db:"size"`
		Mod    int64     `db:"modified_at"`
		Sealed []byte    `db:"sealed"`
	}
	rows, err := place.Rows[row](tx, `SELECT id, source, reason, todo, since, size, modified_at, sealed FROM files WHERE state = 'attention'`+where, args...)
	if err != nil {
		return nil, err
	}
	var all []Attention
	for _, r := range rows {
		path, err := tx.Unseal(place.FieldFile, r.ID, r.Sealed)
		if err != nil {
			return nil, err
		}
		all = append(all, Attention{File: r.ID, Source: r.Source, Path: string(path), Reason: r.Reason, Todo: r.Todo, Since: fromMillis(r.Since), Size: r.Size, ModTime: modified(r.Mod)})
	}
	return all, nil
}

// NeedsAttention is how many files of a source need attention.
type NeedsAttention struct {
	Files int64
	Since time.Time // of the one that has waited longest
}

// CountAttention counts what needs attention, by source.
func (s *Service) CountAttention(ctx context.Context, p *place.Place) (map[id.Source]NeedsAttention, error) {
	type row struct {
		Source id.Source `db:"source"`
		Files  int64     `db:"files"`
		Since  int64     `db:"since"`
	}
	all := map[id.Source]NeedsAttention{}
	return all, p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `SELECT source, count(*) AS files, min(since) AS since FROM files WHERE state = 'attention' GROUP BY source`)
		for _, r := range rows {
			all[r.Source] = NeedsAttention{r.Files, fromMillis(r.Since)}
		}
		return err
	})
}

// Retry forgets what was wrong with a file, so that it is looked at again.
func (s *Service) Retry(ctx context.Context, p *place.Place, who actor.Actor, file id.File) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM files WHERE id = ? AND state = 'attention'`, file)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "there is no such file that needs attention")
		}
		tx.Record(place.Event{Code: "file.retried", Subject: file.String()})
		tx.Notify("attention")
		return err
	})
}

// Settle takes files off the list: they are gone from the source, or whole now.
func (s *Service) Settle(ctx context.Context, p *place.Place, source id.Source, paths ...string) error {
	if len(paths) == 0 {
		return nil
	}
	return p.Change(ctx, actor.ForSystem("capture"), func(tx *place.Tx) error {
		for _, path := range paths {
			token, err := pathToken(tx, source, path)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`DELETE FROM files WHERE source = ? AND path = ? AND state = 'attention'`, source, token); err != nil {
				return err
			}
		}
		tx.Record(place.Event{Code: "files.settled", Subject: source.String()})
		tx.Notify("attention")
		return nil
	})
}

// Usage are the figures of a place, without content.
type Usage struct {
	Recordings int64         // kept
	Bytes      int64         // stored, all objects
	Length     time.Duration // of the sound
	Waiting    int64         // for a transcript
	Attention  int64         // files
	Unverified int64         // stored but not read back yet
}

// Usage counts what is kept.
func (s *Service) Usage(ctx context.Context, p *place.Place) (u Usage, err error) {
	type row struct {
		N      int64 `db:"n"`
		Bytes  int64 `db:"bytes"`
		Millis int64 `db:"millis"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, `SELECT count(*) AS n, coalesce(sum(bytes), 0) AS bytes, coalesce(sum(millis), 0) AS millis FROM recordings`)
		if err != nil {
			return err
		}
		u = Usage{Recordings: r.N, Bytes: r.Bytes, Length: time.Duration(r.Millis) * time.Millisecond}
		if u.Waiting, err = place.Row[int64](tx, `SELECT count(*) FROM recordings WHERE transcript_state IN ('waiting', 'working') AND transcript_state <> 'done'`); err != nil {
			return err
		}
		if u.Unverified, err = place.Row[int64](tx, `SELECT count(*) FROM recordings WHERE verified_at IS NULL`); err != nil {
			return err
		}
		u.Attention, err = place.Row[int64](tx, `SELECT count(*) FROM files WHERE state = 'attention'`)
		return err
	})
	return u, err
}

// modified is the time of a file; that of none is stored as the year 1.
func modified(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return fromMillis(ms)
}
