package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/identity"
)

// StepUpWays is what the person can show to renew the proof of the session.
type StepUpWays struct {
	Methods    []string  `json:"methods" doc:"Best first: passkey, totp, recovery, mail"`
	Password   bool      `json:"password" doc:"Whether the password must come with a code of an app or of paper: this session has not seen it"`
	FreshUntil time.Time `json:"fresh_until,omitzero" doc:"Until when dangerous acts are not asked about again"`
}

// Challenge is what the browser's own passkey functions take.
type Challenge struct {
	PublicKey any `json:"publicKey" doc:"As WebAuthn writes it; binary parts are base64url"`
}

type stepUpMailInput struct {
	Body struct {
		Password string `json:"password" minLength:"1" maxLength:"256"`
	}
}

// MailedTo says where a code went.
type MailedTo struct {
	MailedTo string `json:"mailed_to" doc:"Shortened"`
}

type stepUpInput struct {
	Body struct {
		Method     string `json:"method" enum:"passkey,totp,recovery,mail"`
		Code       string `json:"code,omitempty" maxLength:"64" writeOnly:"true"`
		Password   string `json:"password,omitempty" maxLength:"256"`
		Credential any    `json:"credential,omitempty" doc:"The browser's answer to the challenge, for a passkey"`
	}
}

// sessionOutput gives a session's new token.
type sessionOutput struct {
	SetCookie []string `header:"Set-Cookie"`
}

func (s *Server) stepUpRoutes() {
	const base = "/api/v1/me/step-up"
	add(s, route{gate: signedIn(), method: get, path: base, id: "stepUpWays", summary: "What can be shown to step up"}, s.stepUpWays)
	add(s, route{gate: signedIn(), method: post, path: base, id: "stepUp", summary: "Show a factor again; good for five minutes", status: 204}, s.stepUp)
	add(s, route{gate: signedIn(), method: post, path: base + "/mail", id: "stepUpMail", summary: "Have a code mailed, for who has nothing stronger"}, s.stepUpMail)
	add(s, route{gate: signedIn(), method: post, path: base + "/passkey", id: "stepUpPasskey", summary: "The challenge that a passkey answers"}, s.stepUpPasskey)
}

func (s *Server) stepUpWays(ctx context.Context, v *visit, _ *none) (*body[StepUpWays], error) {
	_, ways, err := s.deps.People.Ways(ctx, v.person)
	out := StepUpWays{Methods: methods(ways), Password: !v.session.Proof.Has(identity.ByPassword)}
	if v.session.Fresh(v.at) {
		out.FreshUntil = v.session.ProvedAt.Add(identity.StepUpFor)
	}
	return answer(out), err
}

func methods(ms []identity.Method) []string {
	out := []string{}
	for _, m := range ms {
		out = append(out, string(m))
	}
	return out
}

func (s *Server) stepUpMail(ctx context.Context, v *visit, in *stepUpMailInput) (*body[MailedTo], error) {
	step, err := s.deps.People.StepUpMail(ctx, v.session, secret.NewText(in.Body.Password), v.from)
	return answer(MailedTo{step.MailedTo}), err
}

func (s *Server) stepUpPasskey(ctx context.Context, v *visit, _ *none) (*body[Challenge], error) {
	asked, err := s.deps.People.AskPasskeyOf(ctx, v.session)
	return answer(Challenge{asked}), err
}

func (s *Server) stepUp(ctx context.Context, v *visit, in *stepUpInput) (*sessionOutput, error) {
	var signed identity.Signed
	var err error
	if m := identity.Method(in.Body.Method); m == identity.ByPasskey {
		var credential []byte
		if credential, err = credentialOf(in.Body.Credential); err == nil {
			signed, err = s.deps.People.StepUpPasskey(ctx, v.session, credential, v.from)
		}
	} else {
		signed, err = s.deps.People.StepUp(ctx, v.session, identity.Shown{Method: m, Code: in.Body.Code, Password: secret.NewText(in.Body.Password)}, v.from)
	}
	if err != nil {
		return nil, err
	}
	return s.renewed(signed), nil
}

// renewed puts the session's new token into its cookie: the old one has ended.
func (s *Server) renewed(signed identity.Signed) *sessionOutput {
	return &sessionOutput{SetCookie: []string{s.cookie(sessionCookie, signed.Token.Reveal(), signed.Until)}}
}

// credentialOf gives what the browser answered as the text that it was.
func credentialOf(v any) ([]byte, error) {
	if v == nil {
		return nil, fault.Field("credential", "this is missing")
	}
	return json.Marshal(v)
}
