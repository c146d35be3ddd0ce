package capture

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/base/disk"
)

// guarded is a folder as Windows shows it while other programs work in it: what
// they keep to themselves does not open, or does not give its bytes.
type guarded struct {
	rootFS
	opens map[string]error // to whoever opens
	reads map[string]error // to whoever reads
}

func (g *guarded) Open(name string) (fs.File, error) {
	if err := g.opens[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := g.rootFS.Open(name)
	if err == nil && g.reads[name] != nil {
		return &guardedFile{f.(*os.File), g.reads[name]}, nil
	}
	return f, err
}

type guardedFile struct {
	*os.File
	err error
}

func (f *guardedFile) Read([]byte) (int, error)          { return 0, f.fail() }
func (f *guardedFile) ReadAt([]byte, int64) (int, error) { return 0, f.fail() }
func (f *guardedFile) fail() error                       { return &fs.PathError{Op: "read", Path: f.Name(), Err: f.err} }

// A recorder on Windows keeps a file to itself for as long as the call lasts:
// that is no fault until hours have passed, and the file is whole afterwards.
func TestAFileThatAnotherProgramKeepsToItself(t *testing.T) {
	for name, lock := range map[string]func(*guarded){
		"sharing violation": func(g *guarded) { g.opens["a.wav"] = disk.Errno(32) },
		"lock violation":    func(g *guarded) { g.reads["a.wav"] = disk.Errno(33) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.wav"), toneWAV(), 0o600); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			g := &guarded{rootFS{root}, map[string]error{}, map[string]error{}}
			lock(g)
			p, err := New(Options{Profile: "generic", Folder: dir, Files: g})
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now().Add(time.Minute)
			poll := func() Batch {
				t.Helper()
				b, err := p.Poll(t.Context(), now)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			for range 20 {
				b := poll()
				if len(b.Problems) != 0 {
					t.Fatalf("a fault too early: %+v", b.Problems)
				}
				for _, c := range b.Calls {
					if c.Files[0].State != Partial {
						t.Fatalf("%+v", c.Files[0])
					}
				}
				now = now.Add(10 * time.Minute)
			}
			now = now.Add(lockedFor)
			if b := poll(); len(b.Problems) != 1 || b.Problems[0].Path != "a.wav" {
				t.Fatalf("after hours nobody is told: %+v", b.Problems)
			}
			clear(g.opens)
			clear(g.reads)
			whole := false
			for range 3 {
				now = now.Add(time.Minute)
				for _, c := range poll().Calls {
					whole = whole || c.Files[0].State == Complete
				}
			}
			if !whole {
				t.Error("the file is not taken when it is let go")
			}
		})
	}
}

func toneWAV() []byte {
	const n = 16000
	b := []byte("RIFF\x24\x3f\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x80\x3e\x00\x00")
	b[4], b[5] = byte((36+n)&0xff), byte((36+n)>>8)
	for i := range n {
		b = append(b, byte(i))
	}
	return b
}
