package pickup

import (
	"bufio"
	"io"
	"io/fs"
	"net"
	"net/textproto"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"
	"github.com/pkg/sftp"

	"ringfence/internal/base/fault"
)

// FuzzListing has an FTP server list what it likes, in both ways of listing:
// what is taken from it are plain names with a size, and reading comes to an end.
func FuzzListing(f *testing.F) {
	f.Add(false, "-rw-r--r-- 1 pbx pbx 320044 Nov 22 09:00 in-01614960152.wav\r\ndrwxr-xr-x 2 pbx pbx 4096 Jan 1 2026 more\r\n")
	f.Add(false, "lrwxrwxrwx 1 pbx pbx 9 Nov 22 09:00 a -> /etc/passwd\r\n-rw-r--r-- 1 pbx pbx 18446744073709551615 Nov 22 09:00 ../../x\r\n")
	f.Add(false, "11-22-26  09:00AM       <DIR>          Records\r\n11-22-26  09:00AM  1024 a.wav\r\n+i8388621.48594,m825718503,r,s280,\tx\r\n")
	f.Add(true, "modify=20261122090000;size=44;type=file;perm=r; a.wav\r\ntype=dir;modify=20261122090000; d\r\ntype=cdir; .\r\ntype=OS.unix=slink:/etc; l\r\n")
	f.Add(true, "type=file;size=-1; a/b\r\ntype=file;size=9999999999999999999; ..\r\n;;;= \r\ntype=file;modify=0; \x00\xff\r\n")
	f.Fuzz(func(t *testing.T, machine bool, text string) {
		server := &lister{machine: machine, text: text, data: make(chan net.Conn, 1)}
		first := true
		c, err := ftp.Dial("pbx:21", ftp.DialWithTimeout(10*time.Second), ftp.DialWithDialFunc(func(string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			if first {
				first = false
				go server.control(theirs)
			} else {
				server.data <- theirs
			}
			return wire{ours}, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Login("pbx", "secret"); err != nil {
			t.Fatal(err)
		}
		r := &ftpRemote{c, "pbx:21"}
		defer r.Close()
		all, _ := r.list("/in") // a line that cannot be read may end it
		for _, e := range all {
			if e.name == "." || e.name == ".." || strings.ContainsAny(e.name, "/\r\n") || e.size < 0 {
				t.Errorf("%+v", e)
			}
		}
	})
}

// wire is a pipe that looks like TCP: the client asks where it leads.
type wire struct{ net.Conn }

func (wire) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 21} }

// lister is an FTP server that lists a text.
type lister struct {
	machine bool // it knows MLSD (RFC 3659 §7)
	text    string
	data    chan net.Conn
}

func (l *lister) control(c net.Conn) {
	defer c.Close()
	say := func(lines string) { _, _ = io.WriteString(c, lines+"\r\n") }
	say("220 here")
	for in := bufio.NewScanner(c); in.Scan(); {
		switch verb, _, _ := strings.Cut(in.Text(), " "); strings.ToUpper(verb) {
		case "USER":
			say("331 and the password")
		case "PASS":
			say("230 welcome")
		case "FEAT":
			if l.machine {
				say("211-here is\r\n MLST type*;size*;modify*;\r\n211 all")
			} else {
				say("502 no")
			}
		case "EPSV":
			say("229 here (|||2121|)")
		case "LIST", "MLSD":
			say("150 comes")
			d := <-l.data
			_, _ = io.WriteString(d, l.text)
			d.Close()
			say("226 that was all")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("200 yes")
		}
	}
}

// endless is a side that has four folders in every folder, such as one that
// shows links as folders.
type endless struct{ remote }

func (endless) list(string) (all []entry, err error) {
	for i := range 4 {
		all = append(all, entry{name: string(rune('a' + i)), dir: true})
	}
	return all, nil
}

// A tree without end is given up, and said so; it does not keep a visit for ever.
func TestATreeWithoutEnd(t *testing.T) {
	one := &tour{set: Settings{Folder: "/"}, remote: endless{}}
	var all []wanted
	err := one.walk(t.Context(), "", 0, &all)
	if !fault.Is(err, fault.TooLarge) || one.folders != maxFolders+1 || len(all) != 0 {
		t.Fatalf("%d folders, %v", one.folders, err)
	}
}

// days is a side with a folder for each day that has calls; asked for another, it
// says one thing or ends the connection.
type days struct {
	remote
	has map[string]bool
	say error
}

func (d days) list(dir string) ([]entry, error) {
	if d.has[path.Base(dir)] {
		return []entry{{name: "a.wav", size: 1}}, nil
	}
	return nil, d.say
}

// A day without calls has no folder. A connection that ended, or a tree without
// end, is not taken for days without calls.
func TestFoldersByDate(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	look := func(r remote) (int, error) {
		one := &tour{s: &Service{opt: Options{Now: func() time.Time { return now }}}, set: Settings{Folder: "/", Dated: "20060102"}, remote: r}
		all, err := one.look(t.Context())
		return len(all), err
	}
	has := map[string]bool{"20261120": true, "20261122": true}
	for _, say := range []error{fs.ErrNotExist, fs.ErrPermission, &textproto.Error{Code: 550, Msg: "no such folder"}, &sftp.StatusError{Code: 4}} {
		if n, err := look(days{has: has, say: say}); n != 2 || err != nil {
			t.Errorf("%v: %d files, %v", say, n, err)
		}
	}
	if n, err := look(days{has: has, say: io.ErrUnexpectedEOF}); n != 0 || err == nil {
		t.Errorf("the connection ended: %d files, %v", n, err)
	}
	if _, err := look(endless{}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a tree without end: %v", err)
	}
}
