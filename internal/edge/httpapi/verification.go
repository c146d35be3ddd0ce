package httpapi

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/witness"
)

// LogState is how the proof of the change log stands.
type LogState struct {
	Events    int64       `json:"events" doc:"Recorded"`
	Sequenced int64       `json:"sequenced" doc:"Of them in the tree; the others follow within a minute"`
	Origin    string      `json:"origin" doc:"What the first line of this log's checkpoints says"`
	Key       string      `json:"key" doc:"Public key that checkpoints are checked with, as ringfence verify --key takes it"`
	Last      *Checkpoint `json:"last"`
}

// Checkpoint is what the change log was when it had so many events, signed.
type Checkpoint struct {
	Size     int64         `json:"size"`
	At       time.Time     `json:"at"`
	Root     string        `json:"root" doc:"Hash of the tree, base64"`
	Openings int64         `json:"openings" doc:"What the key store had counted by then"`
	Note     string        `json:"note" doc:"The signed text: what a witness keeps"`
	Cosigned []Cosignature `json:"cosigned"`
}

// Cosignature is a witness's own signature over a checkpoint.
type Cosignature struct {
	Name string    `json:"name"`
	Key  string    `json:"key"`
	At   time.Time `json:"at"`
}

// CheckpointPage is some checkpoints, and where the list goes on.
type CheckpointPage struct {
	Items []Checkpoint `json:"items"`
	Next  *string      `json:"next"`
}

// Witness is somebody who is sent checkpoints by mail.
type Witness struct {
	ID         string     `json:"id"`
	Email      string     `json:"email"`
	EveryHours int        `json:"every_hours" doc:"How often at most"`
	AddedAt    time.Time  `json:"added_at"`
	SentAt     *time.Time `json:"sent_at"`
	SentSize   int64      `json:"sent_size" doc:"Of the checkpoint that was sent last"`
	Trouble    string     `json:"trouble" doc:"Why the last mail did not leave; empty: it did"`
}

type (
	checkpointsInput struct {
		CustomerPath
		Cursor string `query:"cursor" maxLength:"20"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	cosignInput struct {
		CustomerPath
		Body struct {
			Size      int64  `json:"size" minimum:"1" doc:"Of the checkpoint"`
			Key       string `json:"key" minLength:"1" maxLength:"300" doc:"Public key of a note: name+hash+key"`
			Signature string `json:"signature" minLength:"1" maxLength:"400" doc:"The line of the signature: — name base64"`
		}
	}
	newWitness struct {
		CustomerPath
		Creating
		Body struct {
			Email      string `json:"email" minLength:"3" maxLength:"254"`
			EveryHours int    `json:"every_hours" enum:"1,24,168"`
		}
	}
	WitnessPath struct {
		CustomerPath
		Witness string `path:"witness"`
	}
	logExportInput struct {
		CustomerPath
		Body struct {
			Whole   bool      `json:"whole" doc:"All events: then the log is hashed anew and compared with the key store's count"`
			From    time.Time `json:"from,omitzero" required:"false" doc:"Where it is a part: from this time, included"`
			To      time.Time `json:"to,omitzero" required:"false" doc:"To this time, not included"`
			Purpose string    `json:"purpose,omitempty" maxLength:"300"`
		}
	}
)

func (s *Server) verificationRoutes() {
	const base = "/api/v1/customers/{customer}"
	read, manage := inCustomer(access.JournalRead), inCustomer(access.WitnessManage)
	add(s, route{gate: read, method: get, path: base + "/log", id: "logState", summary: "How the proof of the change log stands"}, s.logState)
	add(s, route{gate: read, method: get, path: base + "/checkpoints", id: "listCheckpoints", summary: "Signed checkpoints of the change log, the newest first"}, s.listCheckpoints)
	add(s, route{gate: read, method: post, path: base + "/checkpoints", id: "signCheckpoint", summary: "Sign what the change log is now"}, s.signCheckpoint)
	add(s, route{gate: manage, method: post, path: base + "/cosignatures", id: "cosignCheckpoint", summary: "Put a witness's own signature beside a checkpoint"}, s.cosignCheckpoint)
	add(s, route{gate: inCustomer(access.JournalExport), fresh: true, method: post, path: base + "/log/exports", id: "exportLog", summary: "The change log with its proofs as a file that ringfence verify checks offline", status: 202}, s.exportLog)
	add(s, route{gate: manage, method: get, path: base + "/witnesses", id: "listWitnesses", summary: "Who is sent checkpoints by mail"}, s.listWitnesses)
	add(s, route{gate: manage, method: post, path: base + "/witnesses", id: "addWitness", summary: "Have somebody sent checkpoints by mail", status: 201, creates: true}, s.addWitness)
	add(s, route{gate: manage, method: del, path: base + "/witnesses/{witness}", id: "removeWitness", summary: "Have somebody sent checkpoints no more", status: 204}, s.removeWitness)
}

func showCheckpoint(c witness.Signed) Checkpoint {
	out := Checkpoint{Size: c.Size, At: c.At, Root: c.Root.String(), Openings: c.Openings, Note: c.Note, Cosigned: []Cosignature{}}
	for _, o := range c.Cosigned {
		out.Cosigned = append(out.Cosigned, Cosignature{o.Name, o.Key, time.UnixMilli(o.At).UTC()})
	}
	return out
}

func (s *Server) logState(ctx context.Context, v *visit, _ *CustomerPath) (*body[LogState], error) {
	st, err := s.deps.Witness.State(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := LogState{Events: st.Events, Sequenced: st.Sequenced, Origin: st.Origin, Key: st.Key}
	if st.Last != nil {
		last := showCheckpoint(*st.Last)
		out.Last = &last
	}
	return answer(out), nil
}

func (s *Server) listCheckpoints(ctx context.Context, v *visit, in *checkpointsInput) (*body[CheckpointPage], error) {
	before := int64(0)
	if in.Cursor != "" {
		var err error
		if before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || before < 1 {
			return nil, fault.Field("cursor", "this is no place in this list")
		}
	}
	list, err := s.deps.Witness.List(ctx, v.place, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := CheckpointPage{Items: []Checkpoint{}}
	for i, c := range list {
		if i == in.Limit {
			out.Next = orNull(strconv.FormatInt(list[i-1].Size, 10))
			break
		}
		out.Items = append(out.Items, showCheckpoint(c))
	}
	return answer(out), nil
}

func (s *Server) signCheckpoint(ctx context.Context, v *visit, _ *CustomerPath) (*body[Checkpoint], error) {
	c, err := s.deps.Witness.Sign(ctx, v.place, v.who)
	if err != nil {
		return nil, err
	}
	return answer(showCheckpoint(c)), nil
}

func (s *Server) cosignCheckpoint(ctx context.Context, v *visit, in *cosignInput) (*body[Checkpoint], error) {
	c, err := s.deps.Witness.Cosign(ctx, v.place, v.who, in.Body.Size, in.Body.Key, in.Body.Signature)
	if err != nil {
		return nil, err
	}
	return answer(showCheckpoint(c)), nil
}

func (s *Server) exportLog(ctx context.Context, v *visit, in *logExportInput) (*body[Export], error) {
	p, err := s.deps.Parcels.Ask(ctx, v.place, v.who, parcel.Order{
		Kind: witness.ExportKind, Name: "change-log-" + v.at.UTC().Format("2006-01-02") + ".zip", Purpose: in.Body.Purpose,
		Args: witness.Chosen{Whole: in.Body.Whole, From: in.Body.From, To: in.Body.To},
	})
	if err != nil {
		return nil, err
	}
	return answer(showExport(p)), nil
}

func showWitness(w witness.Witness) Witness {
	return Witness{
		ID: w.ID.String(), Email: w.Email, EveryHours: int(w.Every / time.Hour), AddedAt: w.AddedAt, SentAt: when(w.SentAt), SentSize: w.SentSize, Trouble: w.Trouble,
	}
}

func (s *Server) listWitnesses(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Witness]], error) {
	all, err := s.deps.Witness.Witnesses(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := make([]Witness, len(all))
	for i, w := range all {
		out[i] = showWitness(w)
	}
	return listed(out), nil
}

func (s *Server) addWitness(ctx context.Context, v *visit, in *newWitness) (*body[Witness], error) {
	w, err := s.deps.Witness.Add(ctx, v.place, v.who, in.Body.Email, time.Duration(in.Body.EveryHours)*time.Hour)
	if err != nil {
		return nil, err
	}
	return answer(showWitness(w)), nil
}

func (s *Server) removeWitness(ctx context.Context, v *visit, in *WitnessPath) (*none, error) {
	i, err := id.Parse[id.Witness](in.Witness)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Witness.Remove(ctx, v.place, v.who, i)
}
