package httpapi

import (
	"context"
	"time"

	"ringfence/internal/archive/compact"
	"ringfence/internal/archive/sound"
	"ringfence/internal/tenancy/access"
)

// Storage is how a customer's sound is stored, and what came of it.
type Storage struct {
	Opus      bool       `json:"opus" doc:"A form in Opus is made of each recording, for playing over slow lines"`
	Originals string     `json:"originals" enum:"kept,dropped" doc:"What becomes of the form that was captured, once the Opus form was read back and compared with it"`
	Kbit      int        `json:"kbit" doc:"Of Opus, in kbit/s for each channel"`
	ChosenAt  *time.Time `json:"chosen_at"`
	ChosenBy  string     `json:"chosen_by,omitempty"`
	Waiting   int64      `json:"waiting" doc:"Recordings whose turn comes"`
	Made      int64      `json:"made" doc:"Recordings that have an Opus form"`
	Dropped   int64      `json:"dropped" doc:"Of them, those that have no other form any more"`
	Same      int64      `json:"same" doc:"Recordings that would have gained too little and stay as they were captured"`
	Failed    int64      `json:"failed" doc:"Recordings that could not be made smaller; they stay as they were captured"`
	Before    int64      `json:"before_bytes" doc:"Stored bytes that those with an Opus form came with"`
	After     int64      `json:"after_bytes" doc:"Stored bytes of their Opus forms"`
	Saved     int64      `json:"saved_bytes" doc:"Stored bytes less than without; negative while both forms are kept"`
}

type storageInput struct {
	CustomerPath
	Body struct {
		Opus      bool   `json:"opus"`
		Originals string `json:"originals,omitempty" enum:"kept,dropped" default:"kept"`
		Kbit      int    `json:"kbit,omitempty" minimum:"8" maximum:"64" default:"24"`
	}
}

func (s *Server) storageRoutes() {
	const path = "/api/v1/customers/{customer}/storage"
	add(s, route{gate: inCustomer(access.RetentionSet), method: get, path: path, id: "getStorage", summary: "How sound is stored, and what that saves"}, s.getStorage)
	add(s, route{gate: inCustomer(access.RetentionSet), fresh: true, method: put, path: path, id: "setStorage", summary: "Choose whether sound is kept in Opus, beside what was captured or instead of it"}, s.setStorage)
}

func (s *Server) getStorage(ctx context.Context, v *visit, _ *CustomerPath) (*body[Storage], error) {
	st, err := s.deps.Compact.Standing(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := Storage{
		Opus: st.Opus, Originals: "kept", Kbit: st.Kbit, Waiting: st.Waiting, Made: st.Made, Dropped: st.Dropped, Same: st.Same, Failed: st.Failed,
		Before: st.Before, After: st.After, Saved: st.Saved,
	}
	if st.Drop {
		out.Originals = "dropped"
	}
	if st.ChosenAt.IsZero() {
		return answer(out), nil
	}
	names, err := s.names(ctx, v)
	out.ChosenAt, out.ChosenBy = when(st.ChosenAt), nameOf(names, "", st.ChosenBy)
	return answer(out), err
}

func (s *Server) setStorage(ctx context.Context, v *visit, in *storageInput) (*body[Storage], error) {
	c := compact.Choice{Opus: in.Body.Opus, Drop: in.Body.Originals == "dropped", Kbit: in.Body.Kbit}
	if c.Kbit == 0 {
		c.Kbit = sound.UsualOpus
	}
	if err := s.deps.Compact.Choose(ctx, v.place, v.who, c); err != nil {
		return nil, err
	}
	return s.getStorage(ctx, v, &in.CustomerPath)
}
