//go:build !linux

package speech

import (
	"context"
	"time"
)

const (
	childSound  = 3
	childList   = 4
	childResult = 5
)

func inherited(int) string { return "" }

type child struct {
	program     string
	args        []string
	sound, list []byte
	limit       time.Duration
	processor   time.Duration
}

// runChild refuses: without files in memory a plain conversation would have to
// be written to a disk.
func runChild(context.Context, child) ([]byte, string, error) {
	return nil, "", &Refusal{"the built-in engine runs on Linux only; choose another"}
}
