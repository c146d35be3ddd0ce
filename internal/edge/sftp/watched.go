package sftp

import (
	"net"
	"sync"
	"time"
)

// watchedConn ends a connection that stands still, and stops reading from one
// whose requests are not worked off: the window of an SSH channel lets a peer
// send 2 MiB ahead, and two hundred peers of those are more than they may have.
type watchedConn struct {
	net.Conn
	mu      sync.Mutex
	cond    *sync.Cond
	unread  int64 // bytes that came and were not worked off
	asking  bool  // the worker waits for bytes
	counted bool  // the worker says what it works off
	idle    time.Duration
	closed  bool
}

// aheadBytes may lie in memory unread.
const aheadBytes = 256 << 10

func watch(c net.Conn, limit time.Duration) *watchedConn {
	w := &watchedConn{Conn: c}
	w.cond = sync.NewCond(&w.mu)
	_ = c.SetDeadline(time.Now().Add(limit)) // for all of the handshake
	return w
}

// limit ends the handshake's deadline; from now on it is idleness that ends a session.
func (w *watchedConn) limit(idle time.Duration) {
	w.mu.Lock()
	w.idle = idle
	w.mu.Unlock()
	_ = w.Conn.SetDeadline(time.Now().Add(idle))
}

// Read implements net.Conn.
func (w *watchedConn) Read(p []byte) (int, error) {
	w.mu.Lock()
	for w.counted && w.unread >= aheadBytes && !w.asking && !w.closed {
		w.cond.Wait()
	}
	idle := w.idle
	w.mu.Unlock()
	if idle > 0 {
		_ = w.Conn.SetReadDeadline(time.Now().Add(idle))
	}
	n, err := w.Conn.Read(p)
	w.mu.Lock()
	w.unread += int64(n)
	w.mu.Unlock()
	return n, err
}

// Write implements net.Conn: a peer that takes no answers holds nobody up for ever.
func (w *watchedConn) Write(p []byte) (int, error) {
	w.mu.Lock()
	idle := w.idle
	w.mu.Unlock()
	if idle > 0 {
		_ = w.Conn.SetWriteDeadline(time.Now().Add(idle))
	}
	return w.Conn.Write(p)
}

// Close implements net.Conn.
func (w *watchedConn) Close() error {
	w.mu.Lock()
	w.closed = true
	w.cond.Broadcast()
	w.mu.Unlock()
	return w.Conn.Close()
}

// ask says that the worker waits for bytes: whatever is counted, it has them all.
func (w *watchedConn) ask() {
	w.mu.Lock()
	w.counted, w.asking = true, true
	w.cond.Signal()
	w.mu.Unlock()
}

// worked says that the worker got n bytes. What SSH put around them is counted
// with them, roughly; what is wrong in that, ask puts right.
func (w *watchedConn) worked(n int) {
	w.mu.Lock()
	w.asking = false
	w.unread = max(0, w.unread-int64(n)-40*int64(1+n/(32<<10)))
	w.cond.Signal()
	w.mu.Unlock()
}
