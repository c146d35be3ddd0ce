package recording

import (
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Holds reports whether sound with this SHA-256 is archived already, or was destroyed on purpose and is not taken in again.
func (s *Service) Holds(tx *place.Tx, sum [32]byte) (held, erased bool, err error) {
	token, err := contentToken(tx, sum)
	if err != nil {
		return false, false, err
	}
	rows, err := place.Rows[*int64](tx, `SELECT erased_at FROM contents WHERE token = ?`, token)
	for _, at := range rows {
		held, erased = held || at == nil, erased || at != nil
	}
	return held, erased && !held, err
}

// Taken reports whether a recording of a source is archived under this key.
func (s *Service) Taken(tx *place.Tx, source id.Source, key string) (bool, error) {
	token, err := identToken(tx, source, key)
	if err != nil {
		return false, err
	}
	_, err = place.Row[int64](tx, `SELECT n FROM recordings WHERE ident = ?`, token)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// SoundSizes gives the sizes of all archived sound before sealing, each once: what has another size is new.
func (s *Service) SoundSizes(tx *place.Tx, each func(bytes int64)) error {
	for n, err := range place.Each[int64](tx, `SELECT DISTINCT plain FROM renditions`) {
		if err != nil {
			return err
		}
		each(n)
	}
	return nil
}
