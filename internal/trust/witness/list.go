package witness

import (
	"context"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// List gives checkpoints, the newest first; before is the size of the last one
// seen, 0: from the newest.
func (s *Service) List(ctx context.Context, p *place.Place, before int64, limit int) (out []Signed, err error) {
	if before == 0 {
		before = 1 << 62
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, columns+`WHERE size < ? ORDER BY size DESC LIMIT ?`, before, limit)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			out = append(out, r.show())
		}
		return cosigned(tx, out)
	})
	return out, err
}

// At gives the checkpoint of a size, or fault.NotFound.
func (s *Service) At(ctx context.Context, p *place.Place, size int64) (out Signed, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, columns+`WHERE size = ?`, size)
		if err != nil {
			return err
		}
		one := []Signed{r.show()}
		err = cosigned(tx, one)
		out = one[0]
		return err
	})
	return out, err
}

// cosigned adds witnesses' signatures to checkpoints.
func cosigned(tx *place.Tx, all []Signed) error {
	sizes := make([]int64, len(all))
	for i := range all {
		sizes[i] = all[i].Size
	}
	rows, err := place.Rows[Cosignature](tx, `SELECT size, name, at, line, vkey FROM log_cosignatures WHERE size IN (?) ORDER BY size, name`, place.List(sizes))
	for _, r := range rows {
		for i := range all {
			if all[i].Size == r.Size {
				all[i].Cosigned = append(all[i].Cosigned, r)
				all[i].Note += r.Line + "\n"
			}
		}
	}
	return err
}

// Cosign keeps a witness's own signature over a checkpoint: whoever is shown it
// later sees that the witness had seen the same. key is the witness's public key
// as package note writes it, line the signature's line.
func (s *Service) Cosign(ctx context.Context, p *place.Place, who actor.Actor, size int64, key, line string) (Signed, error) {
	v, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return Signed{}, fault.Field("key", "this is no key of a note: name+hash+key")
	}
	if line = strings.TrimSpace(line); strings.Contains(line, "\n") {
		return Signed{}, fault.Field("signature", "this is more than one line")
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, columns+`WHERE size = ?`, size)
		if fault.Is(err, fault.NotFound) {
			return fault.Field("size", "there is no checkpoint of this size")
		}
		if err != nil {
			return err
		}
		text, _, _ := strings.Cut(r.Note, "\n\n")
		n, err := note.Open([]byte(text+"\n\n"+line+"\n"), note.VerifierList(v))
		if err != nil || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
			return fault.Field("signature", "this is no signature of this key over this checkpoint")
		}
		if strings.HasPrefix(r.Note, text+"\n\n— "+v.Name()+" ") {
			return fault.Field("key", "this is the name of the installation's own key")
		}
		_, err = tx.Exec(`INSERT INTO log_cosignatures (size, name, at, line, vkey) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (size, name) DO UPDATE SET at = excluded.at, line = excluded.line, vkey = excluded.vkey`, size, v.Name(), tx.At().UnixMilli(), line, strings.TrimSpace(key))
		tx.Record(place.Event{Code: "checkpoint.cosigned", Subject: "journal", Facts: map[string]string{"size": itoa(size), "name": v.Name()}})
		return err
	})
	if err != nil {
		return Signed{}, err
	}
	return s.At(ctx, p, size)
}
