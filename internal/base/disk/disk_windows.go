package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

const folds = true

// NonBlocking has no meaning here: named pipes are no files.
const NonBlocking = 0

func number(err error) (Errno, bool) {
	n, ok := errors.AsType[syscall.Errno](err)
	return Errno(n), ok
}

// The lock is on one byte beyond the end of the file, which stays readable.
func span() *windows.Overlapped { return &windows.Overlapped{Offset: 1 << 30} }

func lockFile(f *os.File) error {
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, span())
	if Busy(err) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrHeld
	}
	return err
}

func unlockFile(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, span())
}

// SyncDir has nothing to do: a folder cannot be flushed here. Names become
// durable with rename, which writes through.
func SyncDir(string) error { return nil }

func rename(from, to string) error {
	a, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	b, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	err = windows.MoveFileEx(a, b, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// Free is what this user may still write to the disk of a folder.
func Free(dir string) (int64, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var mine, all, free uint64
	err = windows.GetDiskFreeSpaceEx(p, &mine, &all, &free)
	return int64(min(mine, 1<<62)), err
}

func private(path string, _ fs.FileInfo) error {
	const what = windows.OWNER_SECURITY_INFORMATION | windows.DACL_SECURITY_INFORMATION
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, what)
	if err != nil {
		return err
	}
	mine := []string{ServiceSID(ServiceName)}
	if u, err := windows.GetCurrentProcessToken().GetTokenUser(); err == nil {
		mine = append(mine, u.User.Sid.String())
	}
	return onlyFor(sd.String(), mine...)
}

func identity(fs.FileInfo) (inode, device uint64) { return 0, 0 }

func owner(fs.FileInfo) (int, bool) { return 0, false }

func group(fs.FileInfo) (int, bool) { return 0, false }

// Protect lets nobody into a folder but the system, administrators and the
// account of a service; what is made in it inherits that. Nothing is inherited
// from above: %ProgramData% lets everybody read.
func Protect(dir, service string) error {
	sd, err := windows.SecurityDescriptorFromString(protected(service))
	if err != nil {
		return err
	}
	list, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}
