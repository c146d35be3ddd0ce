//go:build !linux

package cli

import "io"

// Terminal is false: a server is set up on Linux; elsewhere flags and answers
// say everything.
func Terminal(io.Reader) bool { return false }
