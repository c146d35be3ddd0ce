package httpapi

import (
	"context"
	"time"

	"ringfence/internal/archive/phonesystem"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/access"
)

// PhoneSystemSettings say which telephone system is asked for a source, and with what.
type PhoneSystemSettings struct {
	System   string     `json:"system" enum:"3cx,yeastar"`
	Address  string     `json:"address" minLength:"1" maxLength:"300" doc:"Of its web page, for example https://pbx.example.com:5001"`
	ClientID string     `json:"client_id" minLength:"1" maxLength:"200" doc:"As it shows where its API is switched on"`
	Secret   string     `json:"secret,omitempty" maxLength:"500" doc:"Never shown again; left out, the stored one stays, as long as host and client do"`
	Since    *time.Time `json:"since,omitempty" doc:"Recordings from then on; left out: from now on"`
}

// PhoneSystem is how the asking of a telephone system goes.
type PhoneSystem struct {
	Set          bool       `json:"set" doc:"It is known which system is asked"`
	System       string     `json:"system" enum:",3cx,yeastar"`
	Address      string     `json:"address"`
	ClientID     string     `json:"client_id"`
	Since        *time.Time `json:"since"`
	AskedAt      *time.Time `json:"asked_at" doc:"When it last answered"`
	Waiting      int64      `json:"waiting" doc:"Recordings that are to be fetched"`
	Fetched      int64      `json:"fetched"`
	Verified     bool       `json:"verified" doc:"Checked against a real system"`
	VerifiedText string     `json:"verified_text"`
}

// PhoneSystemSeen is what a test of a telephone system found. Nothing was fetched.
type PhoneSystemSeen struct {
	Answers    bool       `json:"answers"`
	Text       string     `json:"text" doc:"What is wrong, or what to know"`
	Recordings int        `json:"recordings" doc:"Of the last day, as far as its first page tells"`
	More       bool       `json:"more"`
	LatestAt   *time.Time `json:"latest_at"`
}

type setPhoneSystemInput struct {
	SourcePath
	Body PhoneSystemSettings
}

func (s *Server) systemRoutes() {
	const base = "/api/v1/customers/{customer}/sources/{source}/system"
	may := inCustomer(access.SourceManage)
	add(s, route{gate: may, method: get, path: base, id: "getPhoneSystem", summary: "Which telephone system is asked for a source, and how that goes"}, s.getPhoneSystem)
	add(s, route{gate: may, fresh: true, method: put, path: base, id: "setPhoneSystem", summary: "Set which telephone system is asked, and with what"}, s.setPhoneSystem)
	add(s, route{gate: may, fresh: true, method: post, path: base + "/test", id: "testPhoneSystem", summary: "Ask a telephone system what it has; nothing is fetched"}, s.testPhoneSystem)
}

const unverifiedSystem = "Written from the maker's documentation; it was not tried against a real system."

func (s *Server) getPhoneSystem(ctx context.Context, v *visit, in *SourcePath) (*body[PhoneSystem], error) {
	src, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return nil, errNothing
	}
	st, err := s.deps.Systems.Standing(ctx, v.place, src)
	if err != nil {
		return nil, err
	}
	out := PhoneSystem{
		Set: st.Set, System: st.Settings.System, Address: st.Settings.Address, ClientID: st.Settings.ClientID, Since: when(st.Settings.Since),
		AskedAt: st.AskedAt, Waiting: st.Waiting, Fetched: st.Fetched, VerifiedText: unverifiedSystem,
	}
	return answer(out), nil
}

func (in PhoneSystemSettings) settings() phonesystem.Settings {
	out := phonesystem.Settings{System: in.System, Address: in.Address, ClientID: in.ClientID, Secret: secret.NewText(in.Secret)}
	if in.Since != nil {
		out.Since = in.Since.UTC()
	}
	return out
}

func (s *Server) setPhoneSystem(ctx context.Context, v *visit, in *setPhoneSystemInput) (*body[PhoneSystem], error) {
	src, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return nil, errNothing
	}
	if err := s.deps.Systems.Set(ctx, v.place, v.who, src, in.Body.settings()); err != nil {
		return nil, err
	}
	return s.getPhoneSystem(ctx, v, &in.SourcePath)
}

func (s *Server) testPhoneSystem(ctx context.Context, v *visit, in *setPhoneSystemInput) (*body[PhoneSystemSeen], error) {
	src, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return nil, errNothing
	}
	seen, err := s.deps.Systems.Test(ctx, v.place, v.who, src, in.Body.settings())
	if err != nil {
		return nil, err
	}
	return answer(PhoneSystemSeen{Answers: seen.Answers, Text: seen.Text, Recordings: seen.Recordings, More: seen.More, LatestAt: when(seen.Latest)}), nil
}
