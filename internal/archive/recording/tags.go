package recording

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Tag is a label of the customer's own. Its name may be personal ("complaint of
// Mr Oak"), so it is sealed; two tags never share a name.
type Tag struct {
	ID    id.Tag
	Name  string
	Count int // recordings that carry it
}

// The limits of tags: beyond them a list of tags is no help any more.
const (
	maxTags     = 500
	maxTagName  = 60
	maxTagsEach = 20
)

// Tags lists all tags by name.
func (s *Service) Tags(ctx context.Context, p *place.Place) (all []Tag, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err = TagsIn(tx)
		return err
	})
	return all, err
}

// TagsIn is Tags within a transaction.
func TagsIn(tx *place.Tx) ([]Tag, error) {
	type row struct {
		ID    id.Tag `db:"id"`
		Name  []byte `db:"name"`
		Count int    `db:"used"`
	}
	rows, err := place.Rows[row](tx, `SELECT t.id, t.name, (SELECT count(*) FROM recording_tags x WHERE x.tag = t.id) AS used FROM tags t ORDER BY t.id`)
	if err != nil {
		return nil, err
	}
	all := make([]Tag, len(rows))
	for i, r := range rows {
		name, err := tx.Unseal(place.FieldTag, r.ID, r.Name)
		if err != nil {
			return nil, err
		}
		all[i] = Tag{r.ID, string(name), r.Count}
	}
	slices.SortStableFunc(all, func(a, b Tag) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all, nil
}

// KnownTag is fault.NotFound if there is no such tag.
func (s *Service) KnownTag(ctx context.Context, p *place.Place, tag id.Tag) error {
	return p.View(ctx, func(tx *place.Tx) error {
		_, err := place.Row[id.Tag](tx, `SELECT id FROM tags WHERE id = ?`, tag)
		return err
	})
}

// Tagged is the condition that a recording carries a tag.
func Tagged(tag id.Tag) Condition {
	return func(*place.Tx) (string, []any, error) {
		return `r.n IN (SELECT n FROM recording_tags WHERE tag = ?)`, []any{tag}, nil
	}
}

// MakeTag makes a tag; a name that is taken is fault.Invalid.
func (s *Service) MakeTag(ctx context.Context, p *place.Place, who actor.Actor, name string) (Tag, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxTagName || strings.ContainsFunc(name, unicode.IsControl) {
		return Tag{}, fault.Field("name", "must have 1 to %d characters", maxTagName)
	}
	t := Tag{Name: name}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		t.ID = id.At[id.Tag](tx.At())
		token, err := tx.Blind(place.FieldTag, strings.ToLower(name))
		if err != nil {
			return err
		}
		sealed, err := tx.Seal(place.FieldTag, t.ID, []byte(name))
		if err != nil {
			return err
		}
		n, err := place.Row[int](tx, `SELECT count(*) FROM tags`)
		if err != nil {
			return err
		}
		if n >= maxTags {
			return fault.New(fault.Conflict, "there are %d tags already: remove one that is not used", maxTags)
		}
		made, err := tx.Exec(`INSERT INTO tags (id, token, name) VALUES (?, ?, ?) ON CONFLICT (token) DO NOTHING`, t.ID, token, sealed)
		if err == nil && made == 0 {
			return fault.Field("name", "there is a tag of this name already")
		}
		tx.Record(place.Event{Code: "tag.made", Subject: t.ID.String(), Personal: map[string]string{"name": name}})
		tx.Notify("tags")
		return err
	})
	return t, err
}

// RemoveTag removes a tag from every recording that carries it; confirm is how
// many do, exactly.
func (s *Service) RemoveTag(ctx context.Context, p *place.Place, who actor.Actor, tag id.Tag, confirm int64) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		carried, err := place.Row[int64](tx, `SELECT count(*) FROM recording_tags WHERE tag = ?`, tag)
		if err != nil {
			return err
		}
		n, err := tx.Exec(`DELETE FROM tags WHERE id = ?`, tag)
		if err == nil && n == 0 {
			return errNoTag
		}
		if err != nil {
			return err
		}
		for _, fn := range s.onTagGone {
			if err := fn(tx, tag); err != nil {
				return err
			}
		}
		if carried != confirm {
			return fault.Field("query.confirm", "recordings that carry this label: %d; confirm with exactly this number", carried)
		}
		n, err = tx.Exec(`DELETE FROM recording_tags WHERE tag = ?`, tag)
		tx.Record(place.Event{Code: "tag.removed", Subject: tag.String(), Facts: map[string]string{"recordings": strconv.FormatInt(n, 10)}})
		tx.Notify("tags")
		tx.Notify(Topic)
		return err
	})
}

// OnTagGone registers who may refuse that a tag is removed, such as rules that
// name it. Register before the first use.
func (s *Service) OnTagGone(fn func(tx *place.Tx, tag id.Tag) error) {
	s.onTagGone = append(s.onTagGone, fn)
}

var errNoTag = fault.New(fault.NotFound, "there is no such tag")

// Tag puts a tag on a recording, in this Change; twice is once.
func (s *Service) Tag(tx *place.Tx, rec id.Recording, tag id.Tag) error {
	r, err := s.Lookup(tx, rec)
	if err != nil {
		return err
	}
	if _, err := place.Row[id.Tag](tx, `SELECT id FROM tags WHERE id = ?`, tag); fault.Is(err, fault.NotFound) {
		return fault.Field("tag", "there is no such tag")
	} else if err != nil {
		return err
	}
	n, err := place.Row[int](tx, `SELECT count(*) FROM recording_tags WHERE n = ? AND tag <> ?`, r.N, tag)
	if err == nil && n >= maxTagsEach {
		return fault.Field("tag", "a recording carries at most %d tags", maxTagsEach)
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO recording_tags (tag, n) VALUES (?, ?) ON CONFLICT (tag, n) DO NOTHING`, tag, r.N)
	tx.Record(place.Event{Code: "recording.tagged", Subject: rec.String(), Facts: map[string]string{"tag": tag.String()}})
	tx.Notify(Topic)
	return err
}

// Untag takes a tag off a recording, in this Change.
func (s *Service) Untag(tx *place.Tx, rec id.Recording, tag id.Tag) error {
	r, err := s.Lookup(tx, rec)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`DELETE FROM recording_tags WHERE tag = ? AND n = ?`, tag, r.N)
	tx.Record(place.Event{Code: "recording.untagged", Subject: rec.String(), Facts: map[string]string{"tag": tag.String()}})
	tx.Notify(Topic)
	return err
}
