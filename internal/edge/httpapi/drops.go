package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/sftp"
	"ringfence/internal/tenancy/access"
)

// PushedSource is how files are pushed for a source, and what waits.
type PushedSource struct {
	SourceID     string        `json:"source_id"`
	Login        string        `json:"login" doc:"User name for SFTP"`
	Address      string        `json:"address" doc:"Host and port of the SFTP server; empty: this installation has none"`
	Fingerprints []string      `json:"fingerprints" doc:"Of the SFTP server's host keys: what a client shows at its first connection"`
	HostKeys     []string      `json:"host_keys" doc:"The host keys, as known_hosts takes them after a name"`
	Keys         []PushKey     `json:"keys" doc:"Public keys that sign in"`
	PasswordAt   *time.Time    `json:"password_at" doc:"When the password was made; null: there is none"`
	TokenAt      *time.Time    `json:"token_at" doc:"When the token for HTTPS was made; null: there is none"`
	PushAddress  string        `json:"push_address" doc:"Where files are put by HTTPS; the file's name is appended"`
	Waiting      int64         `json:"waiting" doc:"Files that were brought and not taken yet"`
	WaitingBytes int64         `json:"waiting_bytes"`
	Files        []WaitingFile `json:"files" doc:"The latest 20 that wait"`
	Sessions     []PushSession `json:"sessions" doc:"Connected now"`
}

// PushKey is a public key that may push files.
type PushKey struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Fingerprint string    `json:"fingerprint"`
	AddedAt     time.Time `json:"added_at"`
}

// WaitingFile is a file that was brought and not taken yet.
type WaitingFile struct {
	Name  string    `json:"name"`
	Bytes int64     `json:"bytes"`
	At    time.Time `json:"at"`
	Whole bool      `json:"whole" doc:"false: its upload was cut and may go on for a day"`
}

// PushSession is one connection by SFTP.
type PushSession struct {
	From    string    `json:"from"`
	By      string    `json:"by" doc:"Fingerprint of the key, or: password"`
	SinceAt time.Time `json:"since_at"`
	Files   int64     `json:"files"`
	Bytes   int64     `json:"bytes"`
}

// PushSecret is a password or token, shown once.
type PushSecret struct {
	Secret string       `json:"secret"`
	Source PushedSource `json:"source"`
}

type addKeyInput struct {
	SourcePath
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"100" doc:"Of the system that has the private key"`
		Key  string `json:"key" minLength:"1" maxLength:"4000" doc:"A line as in authorized_keys"`
	}
}

type keyPath struct {
	SourcePath
	Key string `path:"key"`
}

func (s *Server) dropRoutes() {
	const base = "/api/v1/customers/{customer}/sources/{source}/push"
	may := inCustomer(access.SourceManage)
	add(s, route{gate: may, method: get, path: base, id: "getPush", summary: "How files are pushed for a source, and what waits"}, s.getPush)
	add(s, route{gate: may, fresh: true, method: post, path: base + "/keys", id: "addPushKey", summary: "Let the holder of a key push files by SFTP"}, s.addPushKey)
	add(s, route{gate: may, method: del, path: base + "/keys/{key}", id: "removePushKey", summary: "End a key; its sessions end"}, s.removePushKey)
	add(s, route{gate: may, fresh: true, method: post, path: base + "/password", id: "makePushPassword", summary: "Make a password for a system that cannot do keys; an older one ends"}, s.makePushPassword)
	add(s, route{gate: may, method: del, path: base + "/password", id: "endPushPassword", summary: "End the password; its sessions end"}, s.endPushPassword)
	add(s, route{gate: may, fresh: true, method: post, path: base + "/token", id: "makePushToken", summary: "Make the token with which files are pushed by HTTPS; an older one ends"}, s.makePushToken)
	add(s, route{gate: may, method: del, path: base + "/token", id: "endPushToken", summary: "End the token"}, s.endPushToken)
	s.pushRoutes()
}

// pushed finds a source that files are pushed for, with its login.
func (s *Server) pushed(ctx context.Context, v *visit, in SourcePath) (intake.Account, error) {
	i, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return intake.Account{}, errNothing
	}
	src, err := s.deps.Recordings.Source(ctx, v.place, i)
	if err != nil {
		return intake.Account{}, err
	}
	if src.Kind != recording.Drop {
		return intake.Account{}, fault.New(fault.Conflict, "files of this source are not pushed")
	}
	return s.deps.Drops.Provide(ctx, v.place, v.who, i)
}

func (s *Server) getPush(ctx context.Context, v *visit, in *SourcePath) (*body[PushedSource], error) {
	a, err := s.pushed(ctx, v, *in)
	if err != nil {
		return nil, err
	}
	return s.shownPush(ctx, v, a)
}

func (s *Server) shownPush(ctx context.Context, v *visit, a intake.Account) (*body[PushedSource], error) {
	out, err := s.showPush(ctx, v, a)
	if err != nil {
		return nil, err
	}
	return answer(out), nil
}

const filesShown = 20

func (s *Server) showPush(ctx context.Context, v *visit, a intake.Account) (PushedSource, error) {
	out := PushedSource{
		SourceID: a.Source.String(), Login: a.Login, Fingerprints: []string{}, HostKeys: []string{}, Keys: []PushKey{}, Files: []WaitingFile{}, Sessions: []PushSession{},
		PasswordAt: when(a.PasswordAt), TokenAt: when(a.TokenAt),
		PushAddress: s.deps.URL() + "/api/v1/customers/" + v.place.Customer().String() + "/sources/" + a.Source.String() + "/files/",
	}
	for _, k := range a.Keys {
		out.Keys = append(out.Keys, PushKey{ID: keyID(k), Name: k.Name, Fingerprint: k.Fingerprint, AddedAt: k.AddedAt})
	}
	var sessions []sftp.Session
	if s.deps.SFTP != nil {
		out.Address = s.deps.SFTPAddress()
		out.Fingerprints, out.HostKeys = s.deps.SFTP.Fingerprints(), s.deps.SFTP.HostKeys()
		sessions = s.deps.SFTP.Sessions(a.Source)
	}
	for _, one := range sessions {
		out.Sessions = append(out.Sessions, PushSession{one.From, one.By, one.Since, one.Files, one.Bytes})
	}
	d, err := s.deps.Drops.Drop(ctx, v.place, a.Source)
	if err != nil {
		return out, err
	}
	files, bytes := d.Usage()
	out.Waiting, out.WaitingBytes = int64(files), bytes
	for _, f := range d.Latest(filesShown) {
		out.Files = append(out.Files, WaitingFile{f.Path, f.Size(), f.ModTime(), !f.Cut})
	}
	return out, nil
}

// keyID names a key in a path: a fingerprint holds slashes.
func keyID(k intake.Key) string {
	sum := sha256.Sum256([]byte(k.Fingerprint))
	return hex.EncodeToString(sum[:8])
}

func (s *Server) addPushKey(ctx context.Context, v *visit, in *addKeyInput) (*body[PushedSource], error) {
	a, err := s.pushed(ctx, v, in.SourcePath)
	if err == nil {
		a, err = s.deps.Drops.AddKey(ctx, v.place, v.who, a.Source, in.Body.Name, in.Body.Key)
	}
	if err != nil {
		return nil, err
	}
	return s.shownPush(ctx, v, a)
}

func (s *Server) removePushKey(ctx context.Context, v *visit, in *keyPath) (*body[PushedSource], error) {
	a, err := s.pushed(ctx, v, in.SourcePath)
	if err != nil {
		return nil, err
	}
	for _, k := range a.Keys {
		if keyID(k) == in.Key {
			if a, err = s.deps.Drops.RemoveKey(ctx, v.place, v.who, a.Source, k.Fingerprint); err != nil {
				return nil, err
			}
			return s.shownPush(ctx, v, a)
		}
	}
	return nil, errNothing
}

func (s *Server) makePushPassword(ctx context.Context, v *visit, in *SourcePath) (*body[PushSecret], error) {
	a, err := s.pushed(ctx, v, *in)
	if err != nil {
		return nil, err
	}
	text, a, err := s.deps.Drops.SetPassword(ctx, v.place, v.who, a.Source)
	if err != nil {
		return nil, err
	}
	shown, err := s.showPush(ctx, v, a)
	return answer(PushSecret{text.Reveal(), shown}), err
}

func (s *Server) endPushPassword(ctx context.Context, v *visit, in *SourcePath) (*body[PushedSource], error) {
	a, err := s.pushed(ctx, v, *in)
	if err == nil {
		a, err = s.deps.Drops.EndPassword(ctx, v.place, v.who, a.Source)
	}
	if err != nil {
		return nil, err
	}
	return s.shownPush(ctx, v, a)
}

func (s *Server) makePushToken(ctx context.Context, v *visit, in *SourcePath) (*body[PushSecret], error) {
	a, err := s.pushed(ctx, v, *in)
	if err != nil {
		return nil, err
	}
	text, a, err := s.deps.Drops.SetToken(ctx, v.place, v.who, a.Source)
	if err != nil {
		return nil, err
	}
	shown, err := s.showPush(ctx, v, a)
	return answer(PushSecret{text.Reveal(), shown}), err
}

func (s *Server) endPushToken(ctx context.Context, v *visit, in *SourcePath) (*body[PushedSource], error) {
	a, err := s.pushed(ctx, v, *in)
	if err == nil {
		a, err = s.deps.Drops.EndToken(ctx, v.place, v.who, a.Source)
	}
	if err != nil {
		return nil, err
	}
	return s.shownPush(ctx, v, a)
}
