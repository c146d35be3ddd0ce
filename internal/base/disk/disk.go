// Package disk is what operating systems do differently about files: locks,
// the durability of names, room, who may read, and what an error number means.
// Everything that decides stands in portable code; each system adds the few
// calls below it. What Windows answers is tested elsewhere too, by Errno.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrHeld means that another process holds the lock.
var ErrHeld = errors.New("another process holds the lock")

// Held is a lock on a file. The system lets go of it with the process, also
// when that is killed.
type Held struct{ f *os.File }

// Lock takes a lock on a file that is made for it, or gives ErrHeld.
func Lock(path string) (*Held, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Held{f}, nil
}

// Release lets go by name: a process that is being started at this moment has a
// copy of the descriptor until its exec, and would hold the lock a little longer.
func (h *Held) Release() error {
	return errors.Join(unlockFile(h.f), h.f.Close())
}

// Errno is an error number of Windows, on whatever system: the calls below give
// the system's own, tests give these.
type Errno uint32

// The numbers that mean something here (winerror.h).
const (
	accessDenied     Errno = 5
	sharingViolation Errno = 32 // somebody has the file open and does not share it
	lockViolation    Errno = 33 // somebody has locked the part that is read
	handleDiskFull   Errno = 39
	diskFull         Errno = 112
	deletePending    Errno = 303
	userMapped       Errno = 1224 // a program is running from the file
)

func (e Errno) Error() string {
	switch e {
	case sharingViolation, lockViolation:
		return "another program uses the file"
	case diskFull, handleDiskFull:
		return "the disk is full"
	case accessDenied:
		return "access is denied"
	}
	return "the system refuses"
}

// Busy reports whether somebody else uses a file at this moment in a way that
// keeps us out: it goes away by waiting. Only Windows does this.
func Busy(err error) bool { return is(err, sharingViolation, lockViolation) }

// Full reports whether a disk, or somebody's part of it, is full.
func Full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || is(err, diskFull, handleDiskFull)
}

// passing reports whether a rename or removal may work a moment later: a virus
// scanner or an indexer has the file open, or it is on its way out.
func passing(err error) bool {
	return is(err, sharingViolation, lockViolation, accessDenied, deletePending, userMapped)
}

func is(err error, any ...Errno) bool {
	n, ok := errors.AsType[Errno](err)
	if !ok {
		n, ok = number(err)
	}
	if ok {
		for _, a := range any {
			if n == a {
				return true
			}
		}
	}
	return false
}

// triesFor is how long what passes is waited for.
const triesFor = 2 * time.Second

// Replace renames a file over another and makes the name durable. While
// somebody has the old one open (on Windows that keeps it in its place) it
// tries again, for two seconds.
func Replace(from, to string) error {
	if err := Move(from, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}

// Move is Replace without the name being durable, for whoever syncs the folder
// for many at once.
func Move(from, to string) error { return replace(from, to, rename, time.Sleep) }

func replace(from, to string, rename func(string, string) error, sleep func(time.Duration)) error {
	wait := 10 * time.Millisecond
	for spent := time.Duration(0); ; spent += wait {
		err := rename(from, to)
		if err == nil || !passing(err) || spent >= triesFor {
			return err
		}
		wait = min(wait*2, 250*time.Millisecond)
		sleep(wait)
	}
}

// Same folds what this system takes for the same name: on Windows A.wav is a.wav.
func Same(name string) string { return same(name, folds) }

func same(name string, folds bool) string {
	if folds {
		return strings.ToLower(name)
	}
	return name
}

// Private is nil if nobody but the user of this program, and those who can do
// everything anyway, can read a file. The error names who can.
func Private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return private(path, info)
}

// Identity is what tells a file from another of the same name, zero where the
// system does not say without opening it.
func Identity(info fs.FileInfo) (inode, device uint64) { return identity(info) }

// Group is the group that a file belongs to, where that is a number.
func Group(info fs.FileInfo) (gid int, known bool) { return group(info) }

// Owner is the user that a file belongs to, where that is a number.
func Owner(info fs.FileInfo) (uid int, known bool) { return owner(info) }
