package httpapi

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/access"
)

// SiprecEntrance is one address that recording clients call.
type SiprecEntrance struct {
	Transport string `json:"transport" enum:"tls,tcp,udp"`
	Address   string `json:"address" doc:"Host and port"`
}

// SiprecSettings are who may send recording sessions to a source, and how they
// are read. Everything that is set of peers, certificates and user must hold.
type SiprecSettings struct {
	Peers        []string `json:"peers" maxItems:"64" doc:"Addresses or networks that calls may come from, for example 203.0.113.7 or 10.1.2.0/24"`
	Certificates []string `json:"certificates" maxItems:"16" doc:"SHA-256 fingerprints of client certificates"`
	User         string   `json:"user" maxLength:"100" doc:"Of digest authentication; empty: none"`
	Secret       string   `json:"secret,omitempty" maxLength:"200" doc:"Of that user; left out, it stays. It is never shown"`
	Ours         []string `json:"ours" maxItems:"64" doc:"Patterns of our side's numbers, for example 2??, +4416149600* or *@pbx.example.com; none: extensions are ours"`
	Encrypted    bool     `json:"encrypted" doc:"Take sound by SRTP only, its keys by TLS only"`
	MaxCalls     int      `json:"max_calls" minimum:"1" maximum:"5000" doc:"At once"`
}

// SiprecSource is a source of recording sessions: settings, and how it is doing
// on this server since its start.
type SiprecSource struct {
	SourceID   string           `json:"source_id"`
	Configured bool             `json:"configured" doc:"It was set who may call; before that nobody may"`
	Verified   bool             `json:"verified" doc:"The reading of metadata was checked against a system of this sort; if not, look at the first calls"`
	Settings   SiprecSettings   `json:"settings"`
	SecretSet  bool             `json:"secret_set"`
	Entrances  []SiprecEntrance `json:"entrances" doc:"Empty: this installation takes no recording sessions"`
	Addresses  []string         `json:"addresses" doc:"What to type into the recording client, the most secure first"`
	LastInvite *time.Time       `json:"last_invite_at" doc:"null: none since this server has started"`
	Taken      int64            `json:"taken"`
	Refused    int64            `json:"refused"`
	Silent     int64            `json:"silent" doc:"Sessions that ended without any sound"`
	Waiting    int64            `json:"waiting" doc:"Ended, not archived yet"`
	Live       []SiprecLive     `json:"live" doc:"Being recorded now: figures, no content"`
	Refusals   []SiprecRefusal  `json:"refusals" doc:"The latest 20"`
}

// SiprecLive is one session under way.
type SiprecLive struct {
	ID      string         `json:"id"`
	BegunAt time.Time      `json:"begun_at"`
	State   string         `json:"state" enum:"beginning,recording,paused,silenced" doc:"paused: by the recording client; silenced: by a pause that was noted"`
	Call    string         `json:"call" doc:"By which a pause can name it: call of notePause"`
	Pause   *string        `json:"pause" doc:"The pause that goes on, to be ended by endPause; null: none"`
	Streams []SiprecStream `json:"streams"`
}

// SiprecStream is one stream of it.
type SiprecStream struct {
	Label    string  `json:"label"`
	Taken    bool    `json:"taken" doc:"false: its codec cannot be kept"`
	Packets  int64   `json:"packets"`
	Lost     int64   `json:"lost"`
	Late     int64   `json:"late"`
	JitterMS float64 `json:"jitter_ms"`
}

// SiprecRefusal is a request that was turned down.
type SiprecRefusal struct {
	At     time.Time `json:"at"`
	From   string    `json:"from"`
	Reason string    `json:"reason"`
}

type setSiprecInput struct {
	SourcePath
	Body SiprecSettings
}

func (s *Server) siprecRoutes() {
	const base = "/api/v1/customers/{customer}/"
	may := inCustomer(access.SourceManage)
	add(s, route{gate: may, method: get, path: base + "siprec", id: "listSiprecSources", summary: "Sources that recording sessions (SIPREC) come to, and how they are doing"}, s.listSiprec)
	add(s, route{gate: may, method: get, path: base + "sources/{source}/siprec", id: "getSiprecSource", summary: "One of them"}, s.getSiprec)
	add(s, route{gate: may, fresh: true, method: put, path: base + "sources/{source}/siprec", id: "setSiprecSource", summary: "Set who may send recording sessions to a source, and how they are read"}, s.setSiprec)
}

func (s *Server) listSiprec(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[SiprecSource]], error) {
	list, err := s.deps.Recordings.Sources(ctx, v.place)
	if err != nil {
		return nil, err
	}
	var out []SiprecSource
	for _, one := range list {
		if one.Kind != recording.Siprec {
			continue
		}
		shown, err := s.showSiprec(ctx, v, one.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, shown)
	}
	return listed(out), nil
}

func (s *Server) getSiprec(ctx context.Context, v *visit, in *SourcePath) (*body[SiprecSource], error) {
	i, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return nil, errNothing
	}
	src, err := s.deps.Recordings.Source(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	if src.Kind != recording.Siprec {
		return nil, fault.New(fault.Conflict, "recordings of this source do not come by SIPREC")
	}
	shown, err := s.showSiprec(ctx, v, i)
	return answer(shown), err
}

func (s *Server) setSiprec(ctx context.Context, v *visit, in *setSiprecInput) (*body[SiprecSource], error) {
	i, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return nil, errNothing
	}
	set, unread := readSiprec(in.Body)
	if unread != nil {
		_, err := s.deps.Siprec.Check(ctx, v.place, i, set)
		return nil, fault.Together(unread, err)
	}
	if _, err := s.deps.Siprec.Set(ctx, v.place, v.who, i, set); err != nil {
		return nil, err
	}
	shown, err := s.showSiprec(ctx, v, i)
	return answer(shown), err
}

// readSiprec reads what people type as networks. What it cannot read is left out, and is a fault.
func readSiprec(in SiprecSettings) (siprec.Settings, error) {
	out := siprec.Settings{Certificates: in.Certificates, User: in.User, Secret: secret.NewText(in.Secret), Ours: in.Ours, Encrypted: in.Encrypted, MaxCalls: in.MaxCalls}
	var bad error
	for _, p := range in.Peers {
		p = strings.TrimSpace(p)
		n, err := netip.ParsePrefix(p)
		if err != nil {
			a, err := netip.ParseAddr(p)
			if err != nil {
				bad = fault.Field("peers", "want addresses such as 203.0.113.7 or networks such as 10.1.2.0/24")
				continue
			}
			n = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
		out.Peers = append(out.Peers, n)
	}
	return out, bad
}

func (s *Server) showSiprec(ctx context.Context, v *visit, i id.Source) (SiprecSource, error) {
	out := SiprecSource{SourceID: i.String(), Entrances: []SiprecEntrance{}, Addresses: []string{}, Live: []SiprecLive{}, Refusals: []SiprecRefusal{}}
	set, err := s.deps.Siprec.Settings(ctx, v.place, i)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return out, err
	}
	out.Configured, out.SecretSet = err == nil, !set.Secret.IsZero()
	out.Settings = SiprecSettings{Peers: []string{}, Certificates: append([]string{}, set.Certificates...), User: set.User, Ours: append([]string{}, set.Ours...), Encrypted: set.Encrypted, MaxCalls: max(set.MaxCalls, 1)}
	if !out.Configured {
		out.Settings.MaxCalls = 100
	}
	for _, p := range set.Peers {
		text := p.String()
		if p.IsSingleIP() {
			text = p.Addr().String()
		}
		out.Settings.Peers = append(out.Settings.Peers, text)
	}
	if s.deps.SiprecAt != nil {
		out.Entrances = append(out.Entrances, s.deps.SiprecAt()...)
	}
	for _, e := range out.Entrances {
		out.Addresses = append(out.Addresses, "sip:"+siprec.Address(i)+"@"+e.Address+";transport="+e.Transport)
	}
	out.standing(s.deps.Siprec.Status(i))
	return out, nil
}

func (out *SiprecSource) standing(st siprec.Status) {
	out.LastInvite = when(st.LastInvite)
	out.Taken, out.Refused, out.Silent, out.Waiting = int64(st.Taken), int64(st.Refused), int64(st.Silent), int64(st.Waiting)
	for _, l := range st.Live {
		one := SiprecLive{ID: l.ID.String(), BegunAt: l.Begun, State: "beginning", Call: l.Name, Streams: []SiprecStream{}}
		if !l.Pause.IsZero() {
			one.Pause = orNull(l.Pause.String())
		}
		switch {
		case l.Hushed:
			one.State = "silenced"
		case l.Paused:
			one.State = "paused"
		case l.Confirmed:
			one.State = "recording"
		}
		for _, m := range l.Streams {
			one.Streams = append(one.Streams, SiprecStream{m.Label, m.Taken, int64(m.Packets), int64(m.Lost), int64(m.Late), float64(int(m.JitterMS*10)) / 10})
		}
		out.Live = append(out.Live, one)
	}
	for _, r := range st.Refusals {
		out.Refusals = append(out.Refusals, SiprecRefusal(r))
	}
}
