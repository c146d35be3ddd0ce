// Package freeport gives tests addresses on this machine for servers that must be
// told where to listen before they do. Whoever can listen on port 0 should.
package freeport

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

// The ports lie below those that the kernel hands out by itself (from 32768 on):
// a port that was free a moment ago is not taken meanwhile by a connection of
// another test, which has happened; and above those of the tests of calls.
const low, high = 26000, 32000

// tried counts the ports that this process has tried. It begins elsewhere in each
// one, for two that run side by side.
var tried atomic.Int64

// Address is "127.0.0.1:PORT", where nobody listens now, neither for connections
// nor for datagrams.
func Address(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", low+(int64(os.Getpid())*97+tried.Add(1))%(high-low))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		c, err := net.ListenPacket("udp", address)
		l.Close()
		if err != nil {
			continue
		}
		c.Close()
		return address
	}
	t.Fatalf("nothing is free between the ports %d and %d", low, high)
	return ""
}

// Number is the port of an Address.
func Number(t testing.TB) int {
	t.Helper()
	_, text, err := net.SplitHostPort(Address(t))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
