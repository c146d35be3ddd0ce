package app_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/app/apptest"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/app/server/servertest"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// What each release leaves behind lies in testdata/releases/<number>: an
// installation on either engine with a customer, two people and a recording,
// and what is true of it. It is made once, by that release itself:
//
//	go test ./internal/app -run TestRecordRelease -record testdata/releases/0.1.0
//
// and is never made again: the program that comes after has to open it.
var recordInto = flag.String("record", "", "folder for the data of this release; see releases_test.go")

// releaseDatabase is the name of the database that is dumped: the names of the
// roles follow from it, so it is the same wherever the dump is read.
const releaseDatabase = "ringfence_release"

// truth is what holds of the data of a release.
type truth struct {
	Customer  string `json:"customer"`
	Recording string `json:"recording"`
	Sound     string `json:"sound_sha256"` // of the samples
	Caller    string `json:"caller"`
	Events    int64  `json:"events"` // of the customer's journal
	Engine    string `json:"engine"`
}

func TestRecordRelease(t *testing.T) {
	if *recordInto == "" {
		t.Skip("records the data of a release: -record FOLDER")
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) { recordRelease(t, engine, *recordInto) })
	}
}

func recordRelease(t *testing.T, engine, into string) {
	dir := t.TempDir()
	var args []string
	dsn := ""
	if engine == "postgres" {
		dsn = namedDatabase(t, releaseDatabase)
		file := filepath.Join(dir, "postgres.url")
		apptest.No(t, os.WriteFile(file, []byte(dsn), 0o600))
		args = []string{"--postgres-file", file}
	}
	c, told := servertest.Initialised(t, dir, args...)
	calls := filepath.Join(dir, "calls")
	c.Watch = []string{filepath.Join(calls, "{customer}")}
	box := &mail.Mailbox{}
	s, err := server.New(t.Context(), c, slog.New(slog.DiscardHandler), server.Extras{Mailbox: box})
	apptest.No(t, err)
	apptest.No(t, s.Start(context.Background(), server.Extras{Mailbox: box}))
	what := firstDay(t, s, box, told, calls)
	what.Engine = engine
	s.Stop()
	apptest.No(t, os.MkdirAll(into, 0o755))
	packFolder(t, dir, filepath.Join(into, engine+".tar.gz"))
	if engine == "postgres" {
		dumpDatabase(t, dsn, filepath.Join(into, "postgres.sql.gz"))
	}
	text, err := json.MarshalIndent(what, "", "  ")
	apptest.No(t, err)
	apptest.No(t, os.WriteFile(filepath.Join(into, engine+".json"), append(text, '\n'), 0o644))
}

// firstDay is the first day of an installation: a customer, two people, a source
// and a call that was captured.
func firstDay(t *testing.T, s *server.Server, box *mail.Mailbox, told, calls string) truth {
	nora := servertest.Welcomed(t, s, told, "nora@example.com")
	nora.Enrol()
	var customer struct{ ID string }
	nora.Must(201, "POST", "/api/v1/nodes/"+nora.Places()[0].ID+"/children",
		map[string]string{"kind": "customer", "name": "Oak & Ember", "admin_email": "cora@example.com", "admin_name": "Cora"}, &customer)
	cora := servertest.Welcomed(t, s, servertest.Newest(t, box, "cora@example.com"), "cora@example.com")
	base := "/api/v1/customers/" + customer.ID
	folder := filepath.Join(calls, customer.ID)
	apptest.No(t, os.MkdirAll(folder, 0o700))
	cora.Must(200, "PUT", base+"/retention", map[string]any{"days": nil, "forever": true}, nil)
	cora.Must(201, "POST", base+"/sources", map[string]string{
		"name": "Calls", "kind": "folder", "profile": "generic", "folder": folder, "time_zone": "Europe/London", "country": "GB", "pattern": "{direction}-{caller}-{extension}",
	}, nil)
	sound := tone()
	apptest.No(t, os.WriteFile(filepath.Join(folder, "in-01614960152-204.wav"), sound, 0o600))
	apptest.Eventually(t, 30*time.Second, "the call is listed", func() bool { return len(cora.List(customer.ID, "number=01614960152")) == 1 })
	of, err := id.Parse[id.Customer](customer.ID)
	apptest.No(t, err)
	p, err := s.Places.Place(t.Context(), of)
	apptest.No(t, err)
	rec := cora.List(customer.ID, "")[0].ID
	apptest.Eventually(t, 30*time.Second, "it is verified", func() bool {
		r, err := id.Parse[id.Recording](rec)
		apptest.No(t, err)
		d, err := s.Recordings.Get(t.Context(), p, actor.ForSystem("release"), r, recording.Everything)
		return err == nil && !d.Recording.VerifiedAt.IsZero()
	})
	time.Sleep(time.Second) // what follows a capture ends
	sum := sha256.Sum256(sound[44:])
	return truth{Customer: customer.ID, Recording: rec, Sound: hex.EncodeToString(sum[:]), Caller: "01614960152", Events: eventCount(t, p)}
}

// eventCount is how long a customer's journal is.
func eventCount(t *testing.T, p *place.Place) (n int64) {
	t.Helper()
	apptest.No(t, p.View(t.Context(), func(tx *place.Tx) (err error) {
		n, err = place.Row[int64](tx, `SELECT count(*) FROM events`)
		return err
	}))
	return n
}

// tone is two seconds of a tone, as a WAV of 8 kHz.
func tone() []byte {
	const n = 16000
	b := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, 36+2*n)...)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, v := range []uint16{1, 1} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, 8000)
	b = binary.LittleEndian.AppendUint32(b, 16000)
	for _, v := range []uint16{2, 16} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, 2*n)
	for i := range n {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(8000*math.Sin(float64(i)*0.35))))
	}
	return b
}

// namedDatabase makes an empty database of this name and gives its URL.
func namedDatabase(t *testing.T, name string) string {
	t.Helper()
	u, err := url.Parse(placetest.Postgres(t).Reveal())
	apptest.No(t, err)
	db, err := sql.Open("pgx", u.String())
	apptest.No(t, err)
	defer db.Close()
	_, err = db.Exec("CREATE DATABASE " + name)
	apptest.No(t, err)
	u.Path = "/" + name
	return u.String()
}

// dumpDatabase writes SQL that any client can carry out, the roles before.
func dumpDatabase(t *testing.T, dsn, file string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	apptest.No(t, err)
	defer db.Close()
	rows, err := db.Query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'rf\\_%' ORDER BY 1")
	apptest.No(t, err)
	var roles strings.Builder
	for rows.Next() {
		var name string
		apptest.No(t, rows.Scan(&name))
		fmt.Fprintf(&roles, "CREATE ROLE %s NOLOGIN;\nGRANT %s TO CURRENT_USER;\n", name, name)
	}
	apptest.No(t, rows.Err())
	bin := "pg_dump"
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump"); len(found) > 0 {
		bin = found[len(found)-1]
	}
	dump := exec.Command(bin, "--inserts", "--rows-per-insert=1", "--no-comments", dsn)
	dump.Stderr = os.Stderr
	text, err := dump.Output()
	apptest.No(t, err)
	out, err := os.Create(file)
	apptest.No(t, err)
	z := gzip.NewWriter(out)
	_, err = io.WriteString(z, roles.String())
	apptest.No(t, err)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "\\") { // of psql alone
			_, err = io.WriteString(z, line)
			apptest.No(t, err)
		}
	}
	apptest.No(t, z.Close())
	apptest.No(t, out.Close())
}

// packFolder writes a folder as an archive, without what is remade.
func packFolder(t *testing.T, dir, file string) {
	t.Helper()
	out, err := os.Create(file)
	apptest.No(t, err)
	z := gzip.NewWriter(out)
	w := tar.NewWriter(z)
	apptest.No(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() && !d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil || d.IsDir() && rel == "calls" {
			return fs.SkipDir
		}
		h := &tar.Header{Name: filepath.ToSlash(rel), Mode: int64(info.Mode().Perm()), ModTime: time.Unix(0, 0), Typeflag: tar.TypeDir}
		if !d.IsDir() {
			h.Typeflag, h.Size = tar.TypeReg, info.Size()
		}
		if err := w.WriteHeader(h); err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	}))
	apptest.No(t, w.Close())
	apptest.No(t, z.Close())
	apptest.No(t, out.Close())
}

// TestDataOfEarlierReleases opens what each earlier release left behind, on both
// engines: it is migrated, listed, heard, and nothing is missing from the
// journal; and then once more, as it was migrated.
func TestDataOfEarlierReleases(t *testing.T) {
	all, err := filepath.Glob("testdata/releases/*")
	if err != nil || len(all) == 0 {
		t.Fatal("no data of an earlier release is kept:", err)
	}
	for _, dir := range all {
		for _, engine := range []string{"sqlite", "postgres"} {
			t.Run(filepath.Base(dir)+"/"+engine, func(t *testing.T) { openEarlier(t, dir, engine) })
		}
	}
}

func openEarlier(t *testing.T, from, engine string) {
	var what truth
	text, err := os.ReadFile(filepath.Join(from, engine+".json"))
	apptest.No(t, err)
	apptest.No(t, json.Unmarshal(text, &what))
	dir := t.TempDir()
	unpackFolder(t, filepath.Join(from, engine+".tar.gz"), dir)
	c := config.Default()
	c.Listen, c.Data = "127.0.0.1:0", filepath.Join(dir, "data")
	c.Keys.Root, c.Keys.Store, c.Keys.Mirror = filepath.Join(dir, "etc", "root.key"), filepath.Join(dir, "keys", "a"), filepath.Join(dir, "keys", "b")
	if engine == "postgres" {
		c.Database.PostgresFile = filepath.Join(dir, "postgres.url")
		apptest.No(t, os.WriteFile(c.Database.PostgresFile, []byte(restoredDatabase(t, filepath.Join(from, "postgres.sql.gz"))), 0o600))
	}
	calls := filepath.Join(dir, "calls")
	c.Watch = []string{filepath.Join(calls, "{customer}")}
	for range 2 { // what was migrated opens once more
		s, err := server.New(t.Context(), c, slog.New(slog.DiscardHandler), server.Extras{Mailbox: &mail.Mailbox{}})
		apptest.No(t, err)
		err = s.Start(context.Background(), server.Extras{Mailbox: &mail.Mailbox{}})
		if err == nil {
			wholeAndHeard(t, s, what)
		}
		s.Stop()
		apptest.No(t, err)
	}
}

// wholeAndHeard holds an opened installation against what was true of it.
func wholeAndHeard(t *testing.T, s *server.Server, what truth) {
	t.Helper()
	of, err := id.Parse[id.Customer](what.Customer)
	apptest.No(t, err)
	rec, err := id.Parse[id.Recording](what.Recording)
	apptest.No(t, err)
	p, err := s.Places.Place(t.Context(), of)
	apptest.No(t, err)
	who := actor.ForSystem("release")
	list, err := s.Recordings.List(t.Context(), p, who, recording.Filter{Scope: recording.Scope{All: true}}, recording.PageAsk{Limit: 10})
	apptest.No(t, err)
	if len(list.Items) != 1 || list.Items[0].ID != rec || list.Items[0].Card.Call.Caller.Number != what.Caller {
		t.Fatalf("%+v", list.Items)
	}
	o, err := s.Recordings.Open(t.Context(), p, who.For("release"), rec, recording.Ask{What: "listen"})
	apptest.No(t, err)
	defer o.Close()
	heard, err := o.WAV(t.Context())
	apptest.No(t, err)
	b, err := io.ReadAll(io.NewSectionReader(heard, 0, heard.Size()))
	apptest.No(t, err)
	if sum := sha256.Sum256(b[len(b)-32000:]); hex.EncodeToString(sum[:]) != what.Sound {
		t.Error("the sound is another")
	}
	unbroken(t, p, what.Events)
	if people, err := s.People.Members(t.Context(), p); err != nil || len(people) != 1 {
		t.Errorf("%d members, %v", len(people), err)
	}
}

// unbroken reads the journal: its positions have no gap, and none of the events
// that were there is missing.
func unbroken(t *testing.T, p *place.Place, were int64) {
	t.Helper()
	if n := eventCount(t, p); n <= were {
		t.Errorf("%d events, and there were %d before this opening", n, were)
	}
	var gaps int64
	apptest.No(t, p.View(t.Context(), func(tx *place.Tx) (err error) {
		gaps, err = place.Row[int64](tx, `SELECT max(pos) - min(pos) + 1 - count(*) FROM events`)
		return err
	}))
	if gaps != 0 {
		t.Errorf("%d positions of the journal are missing", gaps)
	}
}

// restoredDatabase carries out a dump in a database of the name that it was
// made in, and gives the URL.
func restoredDatabase(t *testing.T, file string) string {
	t.Helper()
	dsn := namedDatabase(t, releaseDatabase)
	in, err := os.Open(file)
	apptest.No(t, err)
	defer in.Close()
	z, err := gzip.NewReader(in)
	apptest.No(t, err)
	text, err := io.ReadAll(z)
	apptest.No(t, err)
	db, err := sql.Open("pgx", dsn+"&default_query_exec_mode=simple_protocol")
	apptest.No(t, err)
	defer db.Close()
	_, err = db.Exec(string(text))
	apptest.No(t, err)
	return dsn
}

// unpackFolder reads what packFolder wrote.
func unpackFolder(t *testing.T, file, dir string) {
	t.Helper()
	in, err := os.Open(file)
	apptest.No(t, err)
	defer in.Close()
	z, err := gzip.NewReader(in)
	apptest.No(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		apptest.No(t, err)
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			apptest.No(t, os.MkdirAll(path, 0o700))
			continue
		}
		b, err := io.ReadAll(r)
		apptest.No(t, err)
		apptest.No(t, os.WriteFile(path, b, fs.FileMode(h.Mode)))
	}
}
