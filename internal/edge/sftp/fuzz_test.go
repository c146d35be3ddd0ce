package sftp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// said makes a packet of a kind: numbers of 4 bytes, numbers of 8, and texts.
func said(kind byte, fields ...any) []byte {
	b := []byte{kind}
	for _, f := range fields {
		switch f := f.(type) {
		case uint32:
			b = binary.BigEndian.AppendUint32(b, f)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, f)
		case string:
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
		}
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// FuzzRequests lets a session read whatever a peer may send. It always ends; each
// request has one answer at most; names stay within the drop; and the drop is as
// usable afterwards as it was before.
func FuzzRequests(f *testing.F) {
	const create = uint32(flagWrite | flagCreate | flagTrunc)
	hello := said(typeInit, uint32(3))
	for _, requests := range [][][]byte{
		{hello, said(typeOpen, uint32(1), "a.wav", create, uint32(0)), said(typeWrite, uint32(2), "1", uint64(0), "sound"), said(typeClose, uint32(3), "1")},
		{hello, said(typeOpen, uint32(1), "../../etc/passwd", create, uint32(attrSize), uint64(5)), said(typeWrite, uint32(2), "1", uint64(1<<63), "x"), said(typeClose, uint32(3), "1")},
		{hello, said(typeMkdir, uint32(1), "a/b", uint32(0)), said(typeOpendir, uint32(2), "/"), said(typeReaddir, uint32(3), "1"), said(typeRmdir, uint32(4), "a/b")},
		{hello, said(typeOpen, uint32(1), "c\xff\x00.wav", uint32(flagWrite|flagAppend), uint32(attrExtended), uint32(1<<31), "x", "y")},
		{hello, said(typeRename, uint32(1), "a.wav", "b.wav"), said(typeExtended, uint32(2), "posix-rename@openssh.com", "b.wav", "a.wav"), said(typeExtended, uint32(3), "limits@openssh.com")},
		{hello, said(typeFsetstat, uint32(1), "1", uint32(attrSize|attrTimes), uint64(0), uint32(1), uint32(1)), said(typeStat, uint32(2), "a.wav"), said(typeSymlink, uint32(3), "/etc", "x")},
		{said(typeOpen, uint32(1), "early", create, uint32(0))},
		{hello, {0xff, 0xff, 0xff, 0xff, typeWrite}},
	} {
		f.Add(bytes.Join(requests, nil))
	}
	store := placetest.New(f, place.Schemas{Registry: intake.RegistryMigrations(), Place: intake.Migrations()})
	p := placetest.Customer(f, store)
	dir := f.TempDir()
	drops, err := intake.Open(intake.Options{Store: store, Dir: filepath.Join(dir, "drops"), Spare: -1, Files: 50})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(drops.Close)
	drop, err := drops.Drop(context.Background(), p, id.New[id.Source]())
	if err != nil {
		f.Fatal(err)
	}
	server := New(Options{Drops: drops, Store: store}, nil)
	f.Fuzz(func(t *testing.T, all []byte) {
		if len(all) > 1<<20 {
			return
		}
		var out bytes.Buffer
		s := &serve{one: &session{s: server, drop: drop, place: p}, in: bufio.NewReader(bytes.NewReader(all)), to: &out, handles: map[string]*handle{}}
		s.run()
		asked, answered := packets(t, all, false), packets(t, out.Bytes(), true)
		if answered > asked {
			t.Errorf("%d answers to %d requests", answered, asked)
		}
		emptied(t, drop, ".")
		if files, _ := os.ReadDir(dir); len(files) != 1 {
			t.Fatalf("%v beside the drops", files)
		}
		w, err := drop.Create("after.wav")
		if err == nil {
			if _, err = w.Write([]byte("sound")); err == nil {
				err = w.Close()
			}
		}
		if err == nil {
			err = drop.Remove("after.wav", nil)
		}
		if err != nil {
			t.Fatalf("the drop is of no use any more: %v", err)
		}
	})
}

// packets counts whole ones; all of an answer's must be.
func packets(t *testing.T, b []byte, whole bool) (n int) {
	t.Helper()
	r := bytes.NewReader(b)
	for {
		var size uint32
		if binary.Read(r, binary.BigEndian, &size) != nil {
			return n
		}
		if int64(size) > int64(r.Len()) {
			if whole {
				t.Errorf("an answer says %d bytes, and has %d", size, r.Len())
			}
			return n + 1
		}
		_, _ = r.Seek(int64(size), io.SeekCurrent) // within b
		n++
	}
}

// emptied removes what a run left, and holds each name to the rules.
func emptied(t *testing.T, d *intake.Drop, dir string) {
	t.Helper()
	all, err := d.List(dir)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	for _, w := range all {
		name := w.Name()
		if dir != "." {
			name = dir + "/" + name
		}
		if err := intake.Valid(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if w.IsDir() {
			emptied(t, d, name)
			_ = d.Rmdir(name) // one that only holds files goes with them
			continue
		}
		if err := d.Remove(name, nil); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
