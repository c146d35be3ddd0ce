package server

import (
	"ringfence/internal/archive/recording"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/privacy"
)

// buildPrivacy builds what says how long recordings are kept, and holds them.
func (s *Server) buildPrivacy() {
	s.privacy = privacy.New(privacy.Options{Recordings: s.Recordings, Approvals: s.approvals, Words: saidWords, Log: s.log})
}

// saidWords is what a hold on words asks of a transcript.
func saidWords(words string) recording.Matcher {
	return func(tx *place.Tx, column string) (string, []any, error) {
		found, err := search.Find(tx, words, column)
		return found.Condition, found.Args, err
	}
}
