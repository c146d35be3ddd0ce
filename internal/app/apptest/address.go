package apptest

import (
	"net"
	"testing"
)

// Taken is an address that somebody else listens on.
func Taken(t *testing.T) string {
	l := Listener(t)
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// Listener listens on a free address of this machine.
func Listener(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
