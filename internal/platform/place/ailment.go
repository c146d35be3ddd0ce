package place

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// ailment is what is wrong with a database, whichever engine says so.
type ailment int

const (
	healthy   ailment = iota // the statement or its caller is at fault
	damaged                  // what is on the disk is not what was written
	full                     // no room
	failing                  // the disk gives errors, or does not let us in
	busy                     // does not answer now
	duplicate                // a unique key is taken
)

// ailmentOf reads the engine's codes (sqlite.org/rescode.html, PostgreSQL
// appendix A).
func ailmentOf(err error) ailment {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case 2067, 1555: // CONSTRAINT_UNIQUE, CONSTRAINT_PRIMARYKEY
			return duplicate
		}
		switch e.Code() & 0xff {
		case 11, 26: // CORRUPT, NOTADB
			return damaged
		case 13: // FULL
			return full
		case 3, 10, 14: // PERM, IOERR, CANTOPEN
			return failing
		case 5, 6: // BUSY, LOCKED
			return busy
		}
		return healthy
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "23505":
			return duplicate
		case "XX001", "XX002":
			return damaged
		case "53100":
			return full
		case "58030":
			return failing
		case "40001", "40P01", "55P03", "53300", "57P01", "57P02", "57P03":
			return busy
		}
		return healthy
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return healthy
	}
	_, unconnected := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[*net.OpError](err)
	if unconnected || network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) {
		return busy
	}
	return healthy
}

// IsDuplicate reports whether a statement failed because a unique key is taken.
// The transaction is lost then; see Tx.Exec.
func IsDuplicate(err error) bool { return ailmentOf(err) == duplicate }
