package httpapi_test

import (
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/trust/redaction"
)

// aPause is one that is open.
func (w *world) aPause(c *customer) id.Pause {
	n, err := w.redaction.NotePause(w.Context(), c.p, system, redaction.Pause{Source: c.source, Extension: "204", From: time.Now().Add(-time.Minute)})
	w.no(err)
	return n.ID
}
