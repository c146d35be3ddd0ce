package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/identity"
)

// Factors is what a person signs in with.
type Factors struct {
	Password         bool      `json:"password"`
	TOTP             bool      `json:"totp" doc:"An authenticator app is set up"`
	Passkeys         []Passkey `json:"passkeys"`
	RecoveryLeft     int       `json:"recovery_left" doc:"Recovery codes not used yet"`
	PasskeysPossible bool      `json:"passkeys_possible" doc:"Whether this server has a name that passkeys can be made for"`
	DeviceDays       int       `json:"device_days" doc:"How long a browser may be remembered; 0: not at all"`
}

// Passkey is one of a person's passkeys.
type Passkey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	Synced     bool       `json:"synced" doc:"Kept in a key ring that copies it to the person's other devices"`
}

// Enrolment is what an authenticator app must learn.
type Enrolment struct {
	Key    string `json:"key" doc:"To be typed where no camera is"`
	URL    string `json:"url" doc:"otpauth://, for an app on the same device"`
	QRSize int    `json:"qr_size" doc:"Squares a side"`
	QRPath string `json:"qr_path" doc:"SVG path of the dark squares within that grid"`
}

// RecoveryCodes are shown once.
type RecoveryCodes struct {
	RecoveryCodes []string `json:"recovery_codes" doc:"New ones; empty if the person has some already"`
}

type enrolledOutput struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      RecoveryCodes
}

type confirmInput struct {
	Body struct {
		Code string `json:"code" minLength:"6" maxLength:"16" writeOnly:"true"`
	}
}

type newPasskeyInput struct {
	Body struct {
		Name       string `json:"name" minLength:"1" maxLength:"100"`
		Credential any    `json:"credential" doc:"The browser's answer to the options"`
	}
}

type passkeyPath struct {
	Passkey string `path:"passkey"`
}

// Browser is one that the person lets be remembered.
type Browser struct {
	ID         string    `json:"id"`
	Agent      string    `json:"agent"`
	Address    string    `json:"address"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	Until      time.Time `json:"until"`
}

type browserPath struct {
	Browser string `path:"browser"`
}

func (s *Server) factorRoutes() {
	const me = "/api/v1/me"
	add(s, route{gate: signedIn(), method: get, path: me + "/factors", id: "listFactors", summary: "What the person signs in with"}, s.listFactors)
	add(s, route{gate: signedIn(), fresh: true, method: post, path: me + "/totp", id: "beginTotp", summary: "A secret for an authenticator app; counts once a code of it was confirmed"}, s.beginTOTP)
	add(s, route{gate: signedIn(), fresh: true, method: post, path: me + "/totp/confirm", id: "confirmTotp", summary: "The first code of the app; ends other sessions and remembered browsers"}, s.confirmTOTP)
	add(s, route{gate: signedIn(), fresh: true, method: del, path: me + "/totp", id: "removeTotp", summary: "The app no longer counts", status: 204}, s.removeTOTP)
	add(s, route{gate: signedIn(), fresh: true, method: post, path: me + "/recovery-codes", id: "makeRecoveryCodes", summary: "Ten new recovery codes; older ones end"}, s.makeRecovery)
	add(s, route{gate: signedIn(), fresh: true, method: post, path: me + "/passkeys/options", id: "beginPasskey", summary: "What the browser needs to make a passkey"}, s.beginPasskey)
	add(s, route{gate: signedIn(), fresh: true, method: post, path: me + "/passkeys", id: "addPasskey", summary: "Register the passkey that the browser made; ends other sessions and remembered browsers", status: 201}, s.addPasskey)
	add(s, route{gate: signedIn(), fresh: true, method: del, path: me + "/passkeys/{passkey}", id: "removePasskey", summary: "A passkey no longer counts", status: 204}, s.removePasskey)
	add(s, route{gate: signedIn(), method: get, path: me + "/browsers", id: "listBrowsers", summary: "Browsers that are remembered"}, s.listBrowsers)
	add(s, route{gate: signedIn(), method: del, path: me + "/browsers/{browser}", id: "forgetBrowser", summary: "A browser is no longer remembered", status: 204}, s.forgetBrowser)
}

func (s *Server) listFactors(ctx context.Context, v *visit, _ *none) (*body[Factors], error) {
	f, _, err := s.deps.People.Ways(ctx, v.person)
	if err != nil {
		return nil, err
	}
	days, err := s.deps.People.BrowserDays(ctx, v.person)
	if err != nil {
		return nil, err
	}
	list, err := s.deps.People.Passkeys(ctx, v.person)
	out := Factors{
		Password: f.Password, TOTP: f.TOTP, Passkeys: []Passkey{}, RecoveryLeft: f.Recovery,
		PasskeysPossible: s.deps.People.PasskeysPossible(), DeviceDays: days,
	}
	for _, k := range list {
		out.Passkeys = append(out.Passkeys, Passkey{ID: k.ID.String(), Name: k.Name, CreatedAt: k.CreatedAt, LastUsedAt: when(k.UsedAt), Synced: k.Synced})
	}
	return answer(out), err
}

func (s *Server) beginTOTP(ctx context.Context, v *visit, _ *none) (*body[Enrolment], error) {
	e, err := s.deps.People.BeginTOTP(ctx, v.session)
	return answer(Enrolment{Key: e.Key, URL: e.URL, QRSize: e.QR.Size, QRPath: e.QR.Path}), err
}

func (s *Server) confirmTOTP(ctx context.Context, v *visit, in *confirmInput) (*enrolledOutput, error) {
	signed, codes, err := s.deps.People.ConfirmTOTP(ctx, v.session, in.Body.Code, v.from)
	return s.enrolled(signed, codes, err)
}

// enrolled renews the session: it has just shown the factor.
func (s *Server) enrolled(signed identity.Signed, codes []string, err error) (*enrolledOutput, error) {
	if err != nil {
		return nil, err
	}
	return &enrolledOutput{SetCookie: s.renewed(signed).SetCookie, Body: RecoveryCodes{append([]string{}, codes...)}}, nil
}

func (s *Server) removeTOTP(ctx context.Context, v *visit, _ *none) (*none, error) {
	return nil, s.deps.People.RemoveTOTP(ctx, v.session, v.from)
}

func (s *Server) makeRecovery(ctx context.Context, v *visit, _ *none) (*body[RecoveryCodes], error) {
	codes, err := s.deps.People.NewRecovery(ctx, v.session, v.from)
	return answer(RecoveryCodes{codes}), err
}

func (s *Server) beginPasskey(ctx context.Context, v *visit, _ *none) (*body[Challenge], error) {
	options, err := s.deps.People.BeginPasskey(ctx, v.session)
	return answer(Challenge{options}), err
}

func (s *Server) addPasskey(ctx context.Context, v *visit, in *newPasskeyInput) (*enrolledOutput, error) {
	credential, err := credentialOf(in.Body.Credential)
	if err != nil {
		return nil, err
	}
	signed, codes, err := s.deps.People.AddPasskey(ctx, v.session, in.Body.Name, credential, v.from)
	return s.enrolled(signed, codes, err)
}

func (s *Server) removePasskey(ctx context.Context, v *visit, in *passkeyPath) (*none, error) {
	i, err := id.Parse[id.Factor](in.Passkey)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.RemovePasskey(ctx, v.session, i, v.from)
}

func (s *Server) listBrowsers(ctx context.Context, v *visit, _ *none) (*body[items[Browser]], error) {
	list, err := s.deps.People.Browsers(ctx, v.person)
	var out []Browser
	for _, b := range list {
		out = append(out, Browser{ID: b.ID.String(), Agent: b.Agent, Address: b.Address, CreatedAt: b.CreatedAt, LastUsedAt: b.UsedAt, Until: b.Until})
	}
	return listed(out), err
}

func (s *Server) forgetBrowser(ctx context.Context, v *visit, in *browserPath) (*none, error) {
	i, err := id.Parse[id.Browser](in.Browser)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.Forget(ctx, v.who, v.person, i)
}
